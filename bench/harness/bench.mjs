import { PeerDatabases } from '../fixtures/peers.mjs';
import { makeTenants, secrets } from '../fixtures/tenants.mjs';
import { LoadGenerator } from './load-generator.mjs';
import { PEERS, startOurs, startPeer, VARIANTS } from './contestants.mjs';
import { Postgres } from './postgres.mjs';

/** Pool of each data source of the Map: what the server allows, divided by the tenants. */
const shareOf = (connections, tenants) => String(Math.max(1, Math.floor(connections / tenants)));

/** What all measurements share: the server with its fixtures, the load generator, and how programs are started. */
export class Bench {
  #runs = 0;

  static async start(closing) {
    const bench = new Bench();
    bench.closing = closing;
    bench.secrets = secrets();
    bench.postgres = await Postgres.start(closing);
    bench.load = new LoadGenerator();
    closing.add(() => bench.load.stop());
    return bench;
  }

  /** Goes into the numbers of new orders: no two runs make the same ones. */
  nextRun() {
    return ++this.#runs;
  }

  /** @param counts tenants of each isolation: `{ row, schema, database }` */
  async makeFixtures({ counts, orders, connections }) {
    const { postgres } = this;
    const env = {
      ...this.secrets,
      DATABASE_URL: postgres.url,
      DATA_DIR: postgres.dataDir,
      ENABLE_REDIS_CACHE: 'false',
    };
    await makeTenants(postgres, { counts, orders, env });
    this.peers = await PeerDatabases.create(
      postgres,
      Object.values(PEERS).map(({ role }) => role),
    );
    this.connections = connections;
    const { row = 0, schema = 0, database = 0 } = counts;
    const single = row > 0 && (await this.peers.single('bench_single', { tenants: row, orders }));
    const schemas = schema > 0 && (await this.peers.schemas('bench_schemas', { tenants: schema, orders }));
    const databases = database > 0 && (await this.peers.databases('bench_database', { tenants: database, orders }));
    this.places = {
      row: { keysFile: single, database: 'bench_single' },
      schema: { keysFile: schemas, database: 'bench_schemas', env: { POOL_SIZE: shareOf(connections, schema) } },
      database: {
        keysFile: databases,
        database: 'bench_database_0',
        env: { POOL_SIZE: shareOf(connections, database) },
      },
    };
  }

  /** The application, and after it the peers that are named; `stop` ends them all. */
  async startContestants(isolation, peers, { env, before }) {
    const contestants = [];
    const stop = async () => {
      for (const { program } of contestants.splice(0)) await program.stop();
    };
    this.closing.add(stop);
    contestants.push({ program: await this.startOurs(env), key: 'ours' });
    const place = this.places[isolation];
    for (const key of peers) {
      const variant = VARIANTS[key];
      if (variant) {
        const { name, requests } = variant;
        const program = await this.startOurs(env, { name, checkout: key === 'before' ? before : undefined });
        contestants.push({ program, key, requests });
        continue;
      }
      const peer = PEERS[key];
      const url = this.peers.urlOf(peer.role, place.database);
      const told = { ...place.env, ...(key === 'sourcePerRequest' && { DATA_SOURCE: 'new' }) };
      const program = await startPeer(peer, { url, keysFile: place.keysFile, env: told });
      contestants.push({ program, key, requests: { oneKey: isolation === 'row' } });
    }
    return { contestants, stop };
  }

  startOurs(env, variant = {}) {
    return startOurs(this.postgres, { secrets: this.secrets, connections: this.connections, env, ...variant });
  }
}
