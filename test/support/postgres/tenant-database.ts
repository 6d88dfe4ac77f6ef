import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { ensureIsolationFunctions } from '../../../src/database/isolation/isolation-functions.js';
import type { ConnectionTarget } from '../../../src/database/connection/connection-target.js';
import { asSuperuser, createTestDatabase, type TestDatabase, testServer } from './postgres.js';

/** A database with schemas and a login role subject to row-level security, for tests of the database layer. */
export interface TenantDatabase extends TestDatabase {
  readonly target: ConnectionTarget;
  readonly role: string;
  /**
   * Runs DDL as the owner with `search_path` set to the schema, and grants the role the rights that an application
   * needs.
   */
  define(schema: string, ddl: string): Promise<void>;
}

export async function createTenantDatabase(): Promise<TenantDatabase> {
  const database = await createTestDatabase('tenants');
  const role = `${database.name}_app`;
  const password = randomBytes(12).toString('hex');
  await database.admin(`CREATE ROLE ${role} LOGIN PASSWORD '${password}'`);
  await withClient(database.url, ensureIsolationFunctions);
  const { host, port } = testServer();
  return {
    ...database,
    role,
    target: {
      id: database.name,
      version: '1',
      shared: true,
      server: { id: 'test', host, port, tls: 'disable' },
      database: database.name,
      role,
      password,
    },
    define: (schema, ddl) => define(database.url, role, schema, ddl),
    drop: async () => {
      await database.drop();
      await asSuperuser('postgres', `DROP ROLE ${role}`);
    },
  };
}

async function define(url: string, role: string, schema: string, ddl: string): Promise<void> {
  await withClient(url, (client) =>
    client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}; SET search_path = ${schema}; ${ddl};
      GRANT USAGE ON SCHEMA ${schema} TO ${role};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role};
      GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role}`),
  );
}

async function withClient(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

/** The column and policy of every tenant table, for tests that create their tables by hand. */
export const TENANT_COLUMN = `tenant_id uuid NOT NULL DEFAULT nullif(current_setting('app.tenant_id', true), '')::uuid`;

export function tenantPolicy(table: string): string {
  return `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
    CREATE POLICY tenant_isolation ON ${table}
      USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)`;
}
