import { expect } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { Cli, settings } from '../cli/cli.js';
import type { Finding } from '../../../src/doctor/diagnosis/finding.js';
import { soon } from '../load/soon.js';
import { PASSWORDS, removeFolder, temporaryFolder } from '../postgres/embedded-server.js';
import { PrivatePostgres } from '../postgres/private-postgres.js';
import { callOnce, type KeptAnswer } from '../processes/keep-alive.js';
import { TcpProxy } from '../processes/tcp-proxy.js';
import { TestRedis } from '../redis/test-redis.js';
import { ADMIN_KEY, type Json } from '../test-app.js';
import { Instance } from './instance.js';
import { PatroniCluster } from './patroni-cluster.js';
import { VerifiedWrites } from './verified-writes.js';

const MAX_CONNECTIONS = 30;
/** Tenants of every isolation on both servers. */
const TENANTS = [
  ...[
    { slug: 'near-row-1', isolation: 'row' },
    { slug: 'near-row-2', isolation: 'row' },
  ],
  ...[
    { slug: 'near-schema', isolation: 'schema' },
    { slug: 'near-database', isolation: 'database' },
  ],
  ...[
    { slug: 'far-row', isolation: 'row', server: 'other' },
    { slug: 'far-schema', isolation: 'schema', server: 'other' },
  ],
  { slug: 'far-database', isolation: 'database', server: 'other' },
];

/** Two instances over two servers and one Redis, each of which may fail, with writers for every tenant. */
export class FaultScene {
  readonly writes: VerifiedWrites[] = [];

  private constructor(
    /** The catalog's server: a primary and a standby. */
    readonly cluster: PatroniCluster,
    readonly other: PrivatePostgres,
    readonly otherNetwork: TcpProxy,
    readonly redis: TestRedis,
    readonly instances: readonly Instance[],
    private readonly env: Readonly<Record<string, string>>,
  ) {}

  static async start(): Promise<FaultScene> {
    const cluster = await PatroniCluster.start();
    const other = await PrivatePostgres.start({ temp_file_limit: '100MB' });
    const otherNetwork = await TcpProxy.before(other.address);
    const redis = await TestRedis.start();
    const { ENCRYPTION_KEYS = '' } = settings(randomBytes(32).toString('base64'), '');
    const env = {
      ...{ ENCRYPTION_KEYS, ENABLE_REDIS_CACHE: 'true', REDIS_HOST: '127.0.0.1', REDIS_PORT: String(redis.port) },
      ...{ DB_SERVER_MAX_CONNECTIONS: String(MAX_CONNECTIONS), DB_CONNECT_TIMEOUT: '2', DB_STATEMENT_TIMEOUT: '5' },
      STARTUP_WAIT: '120', // an instance may be started again while its network is cut
    };
    const instances = [await Instance.start('one', cluster, env), await Instance.start('two', cluster, env)];
    const scene = new FaultScene(cluster, other, otherNetwork, redis, instances, env);
    await scene.createTenants();
    return scene;
  }

  /** The instances that run now. */
  get urls(): string[] {
    return this.instances.flatMap(({ url }) => url ?? []);
  }

  /** @throws unless both instances are ready, and serve every tenant for reading and writing */
  async isWell(): Promise<void> {
    for (const url of this.urls) {
      const ready = await callOnce(url, '/health/ready');
      const unwell = Object.entries<Json>(ready.body?.details ?? {}).filter(([, { status }]) => status !== 'up');
      expect({ status: ready.status, unwell }).toEqual({ status: 200, unwell: [] });
      for (const writes of this.writes) await writes.check(url);
    }
    expect(this.urls).toHaveLength(this.instances.length);
  }

  /** What `tenantry doctor` finds. */
  async diagnose(): Promise<readonly Finding[]> {
    const dataDir = await temporaryFolder();
    const [instance] = this.instances;
    const owner = `tenantry:${encodeURIComponent(PASSWORDS.owner)}`;
    const DATABASE_URL = `postgres://${owner}@${instance?.network.address}/tenantry`;
    const { stdout } = await new Cli({ ...settings('', dataDir), ...this.env, DATABASE_URL }).run('doctor', '--json');
    await removeFolder(dataDir);
    return (JSON.parse(stdout) as Json).findings;
  }

  /** Connections to both servers that are not PostgreSQL's, Patroni's or the test's. */
  async backends(): Promise<{ near: number; far: number }> {
    const text = `SELECT count(*)::int AS n FROM pg_stat_activity
      WHERE backend_type = 'client backend' AND usename NOT IN ('postgres', 'replicator', 'rewinder')`;
    const [[near], [far]] = [
      await this.cluster.admin<{ n: number }>(text),
      await this.other.admin<{ n: number }>(text),
    ];
    return { near: near?.n ?? 0, far: far?.n ?? 0 };
  }

  /** The most that the instances may have open on one server. */
  get maxBackends(): number {
    return MAX_CONNECTIONS * this.instances.length;
  }

  async stopInstances(): Promise<void> {
    for (const instance of this.instances) await instance.stop();
  }

  async dispose(): Promise<void> {
    for (const instance of this.instances) await instance.dispose();
    await this.otherNetwork.close();
    await Promise.all([this.cluster.stop(), this.other.stop(), this.redis.stop()]);
  }

  private async createTenants(): Promise<void> {
    const { host, port } = this.otherNetwork.through(this.other.target).server;
    const server = { name: 'other', host, port, ownerRole: 'tenantry', ownerPassword: PASSWORDS.owner };
    expect(await this.admin('POST', '/servers', server)).toMatchObject({ status: 201 });
    for (const tenant of TENANTS) {
      expect(await this.admin('POST', '/tenants', tenant)).toMatchObject({ status: 202 });
      const path = `/tenants/${tenant.slug}`;
      await soon(async () => expect((await this.admin('GET', path)).body.status).toBe('active'));
      const { body } = await this.admin('POST', `${path}/api-keys`);
      this.writes.push(new VerifiedWrites(tenant.slug, body.token, () => this.urls));
    }
  }

  private admin(method: string, path: string, body?: object): Promise<KeptAnswer> {
    const [url = ''] = this.urls;
    return callOnce(url, `/admin/v1${path}`, { method, apiKey: ADMIN_KEY, ...(body && { body }) });
  }
}

/** Of the server itself, past every proxy. */
export function ownerUrl({ address: { host, port } }: PrivatePostgres): string {
  return `postgres://tenantry:${encodeURIComponent(PASSWORDS.owner)}@${host}:${port}/tenantry`;
}
