import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { EmbeddedPostgres } from '../../dist/dev/embedded-postgres/embedded-postgres.js';

const ROLE = 'bench_app';
/** 64 direct connections, several pools of 10, and connections that are still closing. */
const MAX_CONNECTIONS = '300';

/** Starts PostgreSQL on a free port, with a login role for the application and a table of 1,000 rows. */
export async function startServer() {
  const dataDir = await mkdtemp(join(tmpdir(), 'tenantry-bench-'));
  await chmod(dataDir, 0o755); // as root, PostgreSQL runs as another user
  const passwords = { superuser: randomBytes(12).toString('hex'), owner: randomBytes(12).toString('hex') };
  const postgres = await EmbeddedPostgres.start({
    dataDir,
    passwords,
    settings: { max_connections: MAX_CONNECTIONS },
  });
  const stop = async () => {
    await postgres.stop();
    await rm(dataDir, { recursive: true });
  };
  try {
    const password = randomBytes(12).toString('hex');
    const { hostname, port, pathname } = new URL(postgres.url);
    const database = pathname.slice(1);
    const version = await prepare(postgres.url, database, password);
    return { host: hostname, port: Number(port), database, role: ROLE, password, version, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @returns the server's version */
async function prepare(connectionString, database, password) {
  const owner = new pg.Client({ connectionString });
  await owner.connect();
  try {
    await owner.query(`
      CREATE ROLE ${ROLE} LOGIN PASSWORD '${password}';
      CREATE TABLE notes (id int PRIMARY KEY, note text NOT NULL);
      INSERT INTO notes SELECT n, 'note ' || n FROM generate_series(1, 1000) n;
      GRANT CONNECT ON DATABASE ${database} TO ${ROLE};
      GRANT USAGE ON SCHEMA public TO ${ROLE};
      GRANT SELECT ON notes TO ${ROLE}`);
    await owner.query('ANALYZE notes');
    const { rows } = await owner.query('SHOW server_version');
    return rows[0].server_version;
  } finally {
    await owner.end();
  }
}
