import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { EmbeddedPostgres } from '../../dist/dev/embedded-postgres/embedded-postgres.js';

/**
 * Durability is PostgreSQL's own: fsync and synchronous commit are on. Vacuum comes once, behind the fixtures, and not
 * in the midst of somebody's round.
 */
export const SETTINGS = {
  max_connections: '400',
  shared_buffers: '512MB',
  max_wal_size: '4GB',
  checkpoint_timeout: '30min',
  autovacuum: 'off',
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.max': '50000', // a hundred databases have more than the usual 5,000
};

/** For the lines above results. */
export function settingsNote() {
  const settings = Object.entries(SETTINGS).map((setting) => setting.join(' = '));
  return `PostgreSQL: ${settings.join(', ')}.`;
}

/** Not what comes once a second whoever asks: the change feed's heartbeat, and the look for operations to take up. */
const CATALOG_STATEMENTS = `
  SELECT coalesce(sum(calls), 0)::int AS count FROM pg_stat_statements
  WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND userid = 'tenantry'::regrole AND query <> 'SELECT' AND query !~ 'FROM operations'`;

const CONNECTIONS = `
  SELECT usename AS role, count(*)::int AS count FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND usename <> 'postgres' GROUP BY 1`;

/** A PostgreSQL of our own in a temporary folder, and what it knows about who uses it. */
export class Postgres {
  static async start(closing) {
    const postgres = new Postgres();
    const dataDir = await mkdtemp(join(tmpdir(), 'tenantry-bench-'));
    closing.add(() => rm(dataDir, { recursive: true, force: true }));
    await chmod(dataDir, 0o755); // as root, PostgreSQL runs as another user
    const passwords = { superuser: randomBytes(12).toString('hex'), owner: randomBytes(12).toString('hex') };
    const server = await EmbeddedPostgres.start({ dataDir, passwords, settings: SETTINGS });
    closing.add(() => server.stop());
    postgres.dataDir = dataDir;
    postgres.url = server.url;
    postgres.superuserUrl = server.superuserUrl;
    postgres.pid = await postmasterPid(dataDir);
    postgres.client = await postgres.connect();
    closing.add(() => postgres.client.end());
    await postgres.client.query('CREATE EXTENSION pg_stat_statements');
    const { rows } = await postgres.client.query('SHOW server_version');
    postgres.version = rows[0].server_version;
    return postgres;
  }

  /** A connection as superuser, which row-level security does not concern. */
  async connect(database) {
    const client = new pg.Client({ connectionString: this.urlOf({ database }) });
    client.on('error', () => {}); // the query that runs into it is rejected with it
    await client.connect();
    return client;
  }

  urlOf({ database, role, password }) {
    const url = new URL(this.superuserUrl);
    if (database) url.pathname = `/${database}`;
    if (role) Object.assign(url, { username: role, password });
    return url.href;
  }

  async withClient(database, work) {
    const client = await this.connect(database);
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  /** Statements of the application on its catalog since the start. */
  async catalogStatements() {
    return (await this.client.query(CATALOG_STATEMENTS)).rows[0].count;
  }

  /** Open connections, by login role. */
  async connections() {
    return (await this.client.query(CONNECTIONS)).rows;
  }
}

async function postmasterPid(dataDir) {
  for (const name of await readdir(dataDir, { recursive: true })) {
    if (name.endsWith('postmaster.pid')) return Number((await readFile(join(dataDir, name), 'utf8')).split('\n')[0]);
  }
  throw new Error('the server has left no postmaster.pid');
}
