import { chown } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { ensureOwnerDatabase } from '../../../src/dev/embedded-postgres/owner-database.js';
import { ParentWatch } from '../../../src/dev/embedded-postgres/parent-watch.js';
import { findServiceAccount, spawnOptions } from '../../../src/dev/embedded-postgres/service-account.js';
import { PASSWORDS, removeFolder, temporaryFolder } from '../postgres/embedded-server.js';
import { freePort } from '../processes/free-port.js';
import { findProgram } from '../processes/system-program.mjs';
import type { TcpProxy } from '../processes/tcp-proxy.js';
import { NodeNetwork } from './node-network.js';
import { PatroniNode } from './patroni-node.js';

const package_ = (name: string) => ({ 'apt-get': name, apk: name, dnf: name, brew: name });
/** What Patroni says of one node. */
interface Member {
  readonly role: string;
  readonly state: string;
  /** Bytes behind the primary. */
  readonly lag?: number | string;
}

/** States of a standby that follows: the second one since Patroni 3.0.3. */
const RUNS: ReadonlySet<string> = new Set(['running', 'streaming']);

/** A failover takes at least the leader's `ttl` of 20 s. */
const LEADER_WITHIN_MS = 90_000;

export interface PatroniClusterOptions {
  /** Default 2: a primary and a synchronous standby. Further ones are asynchronous. */
  readonly nodes?: number;
  /** Whether each node has a network that can be cut; default false. */
  readonly hasNetworks?: boolean;
}

/** A primary, a synchronous standby, and maybe more, under Patroni with etcd. */
export class PatroniCluster {
  private readonly followers: TcpProxy[] = [];
  private following: NodeJS.Timeout | undefined;

  private constructor(
    private readonly folder: string,
    private readonly etcd: ParentWatch,
    readonly nodes: readonly PatroniNode[],
  ) {}

  /** Resolves when there is a primary with the owner's role and database, and a standby that follows it. */
  static async start({ nodes: count = 2, hasNetworks = false }: PatroniClusterOptions = {}): Promise<PatroniCluster> {
    const etcdProgram = await findProgram('etcd', { ...package_('etcd'), 'apt-get': 'etcd-server' });
    const program = await findProgram('patroni', package_('patroni'));
    const account = await findServiceAccount(undefined);
    const folder = await temporaryFolder();
    if (account) await chown(folder, account.uid, account.gid);
    const [etcdPort, peerPort] = [await freePort(), await freePort()];
    const url = (port: number): string => `http://127.0.0.1:${port}`;
    const etcd = new ParentWatch(
      etcdProgram,
      [
        ...['--data-dir', join(folder, 'etcd'), '--unsafe-no-fsync', '--log-level', 'error'],
        ...['--listen-client-urls', url(etcdPort), '--advertise-client-urls', url(etcdPort)],
        ...['--listen-peer-urls', url(peerPort), '--initial-advertise-peer-urls', url(peerPort)],
        ...['--initial-cluster', `default=${url(peerPort)}`],
      ],
      spawnOptions(account),
    );
    etcd.unref();
    const nodes: PatroniNode[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'e'].slice(0, count)) {
      const ports = { postgresPort: await freePort(), restPort: await freePort(), etcdPort };
      const network = hasNetworks ? await NodeNetwork.before(ports) : undefined;
      nodes.push(new PatroniNode({ program, account, folder: join(folder, name), name, ...ports, network }));
    }
    const cluster = new PatroniCluster(folder, etcd, nodes);
    try {
      for (const node of nodes) await node.start();
      await cluster.withSuperuser(async (superuser) => {
        await ensureOwnerDatabase(superuser, PASSWORDS.owner);
        await superuser.query('GRANT CONNECT ON DATABASE postgres TO rewinder');
      });
      await cluster.isWhole();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Has the proxy lead new connections to the primary, whichever node that is; open ones stay where they are. */
  async followedBy(proxy: TcpProxy): Promise<void> {
    this.followers.push(proxy);
    proxy.leadTo((await this.leader()).address);
    this.following ??= setInterval(() => void this.leadFollowers(), 200).unref();
  }

  /** The node that is the primary now. Waits for one. */
  async leader(): Promise<PatroniNode> {
    const deadline = performance.now() + LEADER_WITHIN_MS;
    while (performance.now() < deadline) {
      for (const node of this.nodes) if (await node.isLeader()) return node;
      await delay(100);
    }
    throw new Error('the cluster has no primary');
  }

  /** A planned change of the primary: the former one is restarted as a standby. */
  async switchOver(): Promise<void> {
    await this.hasStandby();
    const former = await this.leader();
    const { restPort, name } = former.options;
    const answer = await fetch(`http://127.0.0.1:${restPort}/switchover`, {
      method: 'POST',
      body: JSON.stringify({ leader: name }),
    });
    if (answer.status !== 200) throw new Error(`no switchover: ${answer.status} ${await answer.text()}`);
  }

  /** Runs a statement as the superuser on the primary. */
  async admin<Row extends pg.QueryResultRow>(text: string): Promise<Row[]> {
    return this.withSuperuser(async (superuser) => (await superuser.query<Row>(text)).rows);
  }

  /** Waits until the primary has a standby that confirms what it commits. */
  async hasStandby(): Promise<void> {
    await this.waitFor('a synchronous standby', (members) => members.some(({ role }) => role === 'sync_standby'));
  }

  /** The same, and until every node runs and follows the primary without delay. */
  async isWhole(): Promise<void> {
    await this.waitFor('all of its nodes', (members) => {
      const following = members.filter(({ role, state, lag }) => role !== 'leader' && RUNS.has(state) && lag === 0);
      return following.length === this.nodes.length - 1 && members.some(({ role }) => role === 'sync_standby');
    });
  }

  private async waitFor(what: string, isThere: (members: readonly Member[]) => boolean): Promise<void> {
    const deadline = performance.now() + LEADER_WITHIN_MS;
    let members: readonly Member[] = [];
    while (performance.now() < deadline) {
      const { restPort } = (await this.leader()).options;
      const answer = await fetch(`http://127.0.0.1:${restPort}/cluster`);
      ({ members } = (await answer.json()) as { members: readonly Member[] });
      if (isThere(members)) return;
      await delay(200);
    }
    throw new Error(`the cluster does not have ${what}: ${JSON.stringify(members)}`);
  }

  async stop(): Promise<void> {
    clearInterval(this.following);
    await Promise.all(this.nodes.map((node) => node.stop()));
    await this.etcd.stop(['TERM', 'KILL'], 5_000);
    await removeFolder(this.folder);
  }

  private async leadFollowers(): Promise<void> {
    for (const node of this.nodes) {
      if (await node.isLeader()) for (const proxy of this.followers) proxy.leadTo(node.address);
    }
  }

  private async withSuperuser<T>(work: (superuser: pg.Client) => Promise<T>): Promise<T> {
    const { address } = await this.leader();
    const superuser = new pg.Client({
      ...{ ...address, user: 'postgres', password: PASSWORDS.superuser, database: 'postgres' },
      connectionTimeoutMillis: 5_000,
    });
    superuser.on('error', () => undefined); // the query rejects with it
    await superuser.connect();
    try {
      return await work(superuser);
    } finally {
      await superuser.end();
    }
  }
}
