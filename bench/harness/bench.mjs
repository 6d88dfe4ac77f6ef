import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PeerDatabases } from '../fixtures/peers.mjs';
import { makeTenants, secrets } from '../fixtures/tenants.mjs';
import { delayServer } from './delayed-server.mjs';
import { LoadGenerator } from './load-generator.mjs';
import { PEERS, startOurs, startPeer, VARIANTS } from './contestants.mjs';
import { Postgres } from './postgres.mjs';

const FIXTURES = 'bench/fixtures/tenants.mjs';

/** Pool size of each data source in the Map: the connection limit divided by the number of tenants. */
const shareOf = (connections, tenants) => String(Math.max(1, Math.floor(connections / tenants)));

/** The shared setup of all measurements: the server with its fixtures, the load generator, and starting programs. */
export class Bench {
  #runs = 0;

  /** @param delayMs by which every answer of the server comes later, for all contestants */
  static async start(cleanup, { delayMs } = {}) {
    const bench = new Bench();
    bench.cleanup = cleanup;
    bench.secrets = secrets();
    bench.postgres = await Postgres.start(cleanup);
    bench.through = delayMs === undefined ? (url) => url : await delayServer(bench.postgres, delayMs, cleanup);
    bench.load = new LoadGenerator();
    cleanup.add(() => bench.load.stop());
    return bench;
  }

  /** A number that makes the order numbers of each run unique. */
  nextRun() {
    return ++this.#runs;
  }

  /**
   * @param counts tenants per isolation: `{ row, schema, database }`
   * @param before folder of another checkout, which makes the same tenants with its own code on a server of its own
   */
  async makeFixtures({ counts, orders, connections, before }) {
    const { postgres } = this;
    await makeTenants(postgres, { counts, orders, env: this.#environmentOf(postgres) });
    if (before !== undefined) {
      this.beforePostgres = await Postgres.start(this.cleanup);
      const { makeTenants: makeTenantsBefore } = await import(pathToFileURL(resolve(before, FIXTURES)).href);
      await makeTenantsBefore(this.beforePostgres, { counts, orders, env: this.#environmentOf(this.beforePostgres) });
    }
    this.peers = await PeerDatabases.create(
      postgres,
      Object.values(PEERS).map(({ role }) => role),
    );
    this.connections = connections;
    const { row = 0, schema = 0, database = 0 } = counts;
    const single = row > 0 && (await this.peers.single('bench_single', { tenants: row, orders }));
    const schemas = schema > 0 && (await this.peers.schemas('bench_schemas', { tenants: schema, orders }));
    const databases = database > 0 && (await this.peers.databases('bench_database', { tenants: database, orders }));
    this.peerSettings = {
      row: { keysFile: single, database: 'bench_single' },
      schema: { keysFile: schemas, database: 'bench_schemas', env: { POOL_SIZE: shareOf(connections, schema) } },
      database: {
        keysFile: databases,
        database: 'bench_database_0',
        env: { POOL_SIZE: shareOf(connections, database) },
      },
    };
  }

  /** Starts the application and then the given peers; `stop` stops them all. */
  async startContestants(isolation, peers, { env, before }) {
    const contestants = [];
    const stop = async () => {
      for (const { program } of contestants.splice(0)) await program.stop();
    };
    this.cleanup.add(stop);
    contestants.push({ program: await this.startOurs(env), key: 'ours' });
    const settings = this.peerSettings[isolation];
    for (const key of peers) {
      const variant = VARIANTS[key];
      if (variant) {
        const { name, requests } = variant;
        const isBefore = key === 'before';
        const program = await this.startOurs(env, {
          name,
          ...(isBefore && { checkout: before, postgres: this.beforePostgres }),
        });
        contestants.push({ program, key, requests, ...(isBefore && { postgres: this.beforePostgres }) });
        continue;
      }
      const peer = PEERS[key];
      const url = this.through(this.peers.urlOf(peer.role, settings.database));
      const peerEnv = { ...settings.env, ...(key === 'sourcePerRequest' && { DATA_SOURCE: 'new' }) };
      const program = await startPeer(peer, { url, keysFile: settings.keysFile, env: peerEnv });
      contestants.push({ program, key, requests: { oneKey: isolation === 'row' } });
    }
    return { contestants, stop };
  }

  #environmentOf({ url, dataDir }) {
    return { ...this.secrets, DATABASE_URL: url, DATA_DIR: dataDir, ENABLE_REDIS_CACHE: 'false' };
  }

  startOurs(env, { postgres = this.postgres, ...variant } = {}) {
    const { dataDir, url } = postgres;
    return startOurs(
      { dataDir, url: postgres === this.postgres ? this.through(url) : url },
      { secrets: this.secrets, connections: this.connections, env, ...variant },
    );
  }
}
