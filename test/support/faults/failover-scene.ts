import { expect } from '@jest/globals';
import { soon } from '../load/soon.js';
import { PASSWORDS } from '../postgres/embedded-server.js';
import { callOnce } from '../processes/keep-alive.js';
import { Service } from '../processes/service.js';
import { ADMIN_KEY } from '../test-app.js';
import { PatroniCluster } from './patroni-cluster.js';
import type { PatroniNode } from './patroni-node.js';
import { nextPrimary } from './primary-watch.js';
import { VerifiedWrites } from './verified-writes.js';

const TENANTS = [
  { slug: 'row-1', isolation: 'row' },
  { slug: 'row-2', isolation: 'row' },
  { slug: 'own-schema', isolation: 'schema' },
  { slug: 'own-database', isolation: 'database' },
];
const SERVED_WITHIN_MS = 60_000;

/** How a primary is lost. */
export const FAILOVERS = ['switchover', 'killed', 'network cut'] as const;
export type Failover = (typeof FAILOVERS)[number];

/** A failed statement that is not a lost connection, such as a write on a standby, is answered 500. */
const ALLOWED = /^(?:200|201|503 .*|none)$/;

/** Times in ms. */
export interface FailoverOutcome {
  readonly kind: Failover;
  readonly from: string;
  readonly to: string;
  /** From the fault to the moment at which another node accepts writes. */
  readonly promotedAfterMs: number;
  /** From the fault to the moment at which it has acknowledged a commit of the test's own. */
  readonly readyAfterMs: number;
  /** From the latter to the first acknowledged write of any tenant, and of the last one of them. */
  readonly firstWriteMs: number;
  readonly lastTenantMs: number;
  /** Requests that failed after every tenant had written, while the former primary came back as a standby. */
  readonly failedAfterwards: number;
}

/** One instance over a cluster of three nodes, each of which may become the primary, with writers for each isolation. */
export class FailoverScene {
  readonly writes: VerifiedWrites[] = [];

  private constructor(
    readonly cluster: PatroniCluster,
    readonly service: Service,
  ) {}

  /** @param hosts what stands in `DATABASE_URL`; by default all nodes */
  static async start(hosts?: (cluster: PatroniCluster) => Promise<string>): Promise<FailoverScene> {
    const cluster = await PatroniCluster.start({ nodes: 3, hasNetworks: true });
    const all = cluster.nodes.map(({ address: { host, port } }) => `${host}:${port}`).join();
    const owner = `tenantry:${encodeURIComponent(PASSWORDS.owner)}`;
    const service = await Service.start({
      DATABASE_URL: `postgres://${owner}@${hosts ? await hosts(cluster) : all}/tenantry`,
      ...{ STARTUP_WAIT: '60', DB_STATEMENT_TIMEOUT: '5' },
    });
    const scene = new FailoverScene(cluster, service);
    await scene.createTenants();
    return scene;
  }

  /** Loses the primary, under load, and waits until every tenant has written to the next one, and the former one follows it. */
  async failOver(kind: Failover): Promise<FailoverOutcome> {
    await this.cluster.isWhole();
    const former = await this.cluster.leader();
    const watching = nextPrimary(this.cluster.nodes, former);
    const startedAt = performance.now();
    const mend = await this.lose(former, kind);
    const { node, promotedAtMs, readyAtMs } = await watching;
    const firsts = await Promise.all(this.writes.map((writes) => firstWriteAfter(writes, readyAtMs)));
    await mend();
    await this.cluster.isWhole();
    const failedAt = this.writes.flatMap((writes) => writes.failedAt);
    return {
      ...{ kind, from: former.name, to: node.name, promotedAfterMs: promotedAtMs - startedAt },
      readyAfterMs: readyAtMs - startedAt,
      ...{ firstWriteMs: Math.min(...firsts) - readyAtMs, lastTenantMs: Math.max(...firsts) - readyAtMs },
      failedAfterwards: failedAt.filter((each) => each > Math.max(...firsts)).length,
    };
  }

  /** No acknowledged write is lost, none is there twice, none is another tenant's, and no caller got an error of a standby. */
  async expectNothingWrong(writes: VerifiedWrites): Promise<void> {
    expect(await writes.differences(this.service.url)).toEqual({ lost: [], twice: [], foreign: [] });
    expect(Object.keys(writes.answers).filter((answer) => !ALLOWED.test(answer))).toEqual([]);
  }

  async dispose(): Promise<void> {
    await Promise.all(this.writes.map((writes) => writes.stop()));
    await this.service.stop();
    await this.cluster.stop();
  }

  /** @returns what brings the node back */
  private async lose(node: PatroniNode, kind: Failover): Promise<() => Promise<void>> {
    switch (kind) {
      case 'switchover':
        await this.cluster.switchOver();
        return () => Promise.resolve();
      case 'killed':
        await node.kill();
        return () => node.start();
      case 'network cut':
        node.cut();
        return () => Promise.resolve(node.mend());
    }
  }

  private async createTenants(): Promise<void> {
    const { url } = this.service;
    const admin = (method: string, path: string, body?: object): ReturnType<typeof callOnce> =>
      callOnce(url, `/admin/v1${path}`, { method, apiKey: ADMIN_KEY, ...(body && { body }) });
    for (const tenant of TENANTS) {
      expect(await admin('POST', '/tenants', tenant)).toMatchObject({ status: 202 });
      const path = `/tenants/${tenant.slug}`;
      await soon(async () => expect((await admin('GET', path)).body.status).toBe('active'));
      const { body } = await admin('POST', `${path}/api-keys`);
      this.writes.push(new VerifiedWrites(tenant.slug, body.token, () => [url]));
    }
  }
}

/** The moment of the first write that was acknowledged after `atMs`. */
async function firstWriteAfter(writes: VerifiedWrites, atMs: number): Promise<number> {
  let first: number | undefined;
  await soon(() => {
    first = writes.acknowledgedAt.find((each) => each > atMs);
    return first === undefined ? Promise.reject(new Error(`${writes.slug} is not served`)) : Promise.resolve();
  }, SERVED_WITHIN_MS);
  return first ?? Infinity;
}
