import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** The PostgreSQL that the run's global setup started; never one that happens to run on the machine. */
export interface TestServer {
  readonly host: string;
  readonly port: number;
  /** For a test's own access to the server: killing backends, creating databases, reading everything. */
  readonly superuser: string;
  readonly superuserPassword: string;
  /** The role that `DATABASE_URL` would name: CREATEDB and CREATEROLE, nothing more. */
  readonly owner: string;
  readonly ownerPassword: string;
}

export function testServer(): TestServer {
  const json = process.env['TEST_POSTGRES'];
  if (json === undefined) throw new Error('TEST_POSTGRES is not set: these tests run through test/jest.config.mjs');
  return JSON.parse(json) as TestServer;
}

export interface TestDatabase {
  readonly name: string;
  /** As the owner. */
  readonly url: string;
  /** Runs a statement as the server's superuser, on a connection of its own. */
  admin<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
  drop(): Promise<void>;
}

/** A database of its own for one spec file, owned by the owner role. */
export async function createTestDatabase(prefix = 'test'): Promise<TestDatabase> {
  const server = testServer();
  const name = `${prefix}_${randomBytes(5).toString('hex')}`;
  await asSuperuser('postgres', `CREATE DATABASE ${name} OWNER ${server.owner} TEMPLATE template0`);
  return {
    name,
    url: `postgres://${server.owner}:${encodeURIComponent(server.ownerPassword)}@${server.host}:${server.port}/${name}`,
    admin: (text, values) => asSuperuser(name, text, values),
    drop: async () => void (await asSuperuser('postgres', `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
  };
}

/** As the server's superuser; finds the catalog's tables by their names, as an operator who has set the search path does. */
export function superuserOf(database: string): pg.ClientConfig {
  const { host, port, superuser: user, superuserPassword: password } = testServer();
  return { host, port, user, password, database, options: '-c search_path=public,tenantry' };
}

export async function asSuperuser<Row extends pg.QueryResultRow>(
  database: string,
  text: string,
  values?: unknown[],
): Promise<Row[]> {
  const client = new pg.Client(superuserOf(database));
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}
