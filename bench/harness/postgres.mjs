import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { EmbeddedPostgres } from '../../dist/dev/embedded-postgres/embedded-postgres.js';

/**
 * Durability settings are PostgreSQL's defaults: fsync and synchronous commit are on. Vacuum runs once, after the
 * fixtures are loaded, and not in the middle of a contestant's round.
 */
export const SETTINGS = {
  max_connections: '400',
  shared_buffers: '512MB',
  max_wal_size: '4GB',
  checkpoint_timeout: '30min',
  autovacuum: 'off',
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.max': '50000', // a hundred databases need more than the default of 5,000
};

/** A line for the heading of the results. */
export function settingsNote() {
  const settings = Object.entries(SETTINGS).map((setting) => setting.join(' = '));
  return `PostgreSQL: ${settings.join(', ')}.`;
}

/**
 * Without the statements sent every few seconds regardless of load: the change feed's heartbeat, the polls for operations and
 * measurements, and the transaction in which an instance is lent connections.
 */
const CATALOG_STATEMENTS = `
  SELECT coalesce(sum(calls), 0)::int AS count FROM pg_stat_statements
  WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND userid = 'tenantry'::regrole AND query <> 'SELECT' AND query !~ 'FROM operations'
    AND query !~ 'connection_shares|INTO instances|size_rounds|stored_sizes|pg_advisory_xact_lock|^(SET LOCAL|START TRANSACTION|COMMIT)'`;

const CONNECTIONS = `
  SELECT usename AS role, count(*)::int AS count FROM pg_stat_activity
  WHERE backend_type = 'client backend' AND usename <> 'postgres' GROUP BY 1`;

/** An embedded PostgreSQL in a temporary folder, with statistics about its clients. */
export class Postgres {
  static async start(cleanup) {
    const postgres = new Postgres();
    const dataDir = await mkdtemp(join(tmpdir(), 'tenantry-bench-'));
    cleanup.add(() => rm(dataDir, { recursive: true, force: true }));
    await chmod(dataDir, 0o755); // as root, PostgreSQL runs as another user
    const passwords = { superuser: randomBytes(12).toString('hex'), owner: randomBytes(12).toString('hex') };
    const server = await EmbeddedPostgres.start({ dataDir, passwords, settings: SETTINGS });
    cleanup.add(() => server.stop());
    postgres.dataDir = dataDir;
    postgres.url = server.url;
    postgres.superuserUrl = server.superuserUrl;
    postgres.pid = await postmasterPid(dataDir);
    postgres.client = await postgres.connect();
    cleanup.add(() => postgres.client.end());
    await postgres.client.query('CREATE EXTENSION pg_stat_statements');
    const { rows } = await postgres.client.query('SHOW server_version');
    postgres.version = rows[0].server_version;
    return postgres;
  }

  /** Connects as superuser, which bypasses row-level security. */
  async connect(database) {
    // The catalog's tables are found by their names; what a bench creates goes to public.
    const client = new pg.Client({
      connectionString: this.urlOf({ database }),
      options: '-c search_path=public,tenantry',
    });
    client.on('error', () => {}); // the pending query rejects with the same error
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

  /** Number of statements that the application has sent to its catalog since the start. */
  async catalogStatements() {
    return (await this.client.query(CATALOG_STATEMENTS)).rows[0].count;
  }

  /** Open connections per login role. */
  async connections() {
    return (await this.client.query(CONNECTIONS)).rows;
  }
}

async function postmasterPid(dataDir) {
  for (const name of await readdir(dataDir, { recursive: true })) {
    if (name.endsWith('postmaster.pid')) return Number((await readFile(join(dataDir, name), 'utf8')).split('\n')[0]);
  }
  throw new Error(`no postmaster.pid found in ${dataDir}`);
}
