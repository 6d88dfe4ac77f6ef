import pg from 'pg';
import type { CopyPlace } from '../../../src/database/copy/copy-place.js';
import { ReadWriteClient } from '../../../src/database/connection/read-write-client.js';
import { createTestDatabase, type TestDatabase } from '../postgres/postgres.js';

/** Two databases with schemas whose tables are the same, and owner's connections as operations have them. */
export class CopyRig {
  private readonly clients: pg.Client[] = [];

  private constructor(
    readonly databases: Readonly<Record<'first' | 'second', TestDatabase>>,
    private readonly ddl: string,
  ) {}

  static async start(ddl: string): Promise<CopyRig> {
    const [first, second] = await Promise.all([createTestDatabase('copy'), createTestDatabase('copy')]);
    return new CopyRig({ first, second }, ddl);
  }

  /** A connection of its own. */
  async connect(database: 'first' | 'second' = 'first'): Promise<pg.Client> {
    const client = new ReadWriteClient({ connectionString: this.databases[database].url });
    client.on('error', () => undefined); // pending statements reject with the same error
    await client.connect();
    this.clients.push(client);
    return client;
  }

  /** A new schema with the tables. */
  async place(
    schema: string,
    {
      database = 'first',
      isAlone = true,
      ddl = this.ddl,
    }: { database?: 'first' | 'second'; isAlone?: boolean; ddl?: string } = {},
  ): Promise<CopyPlace> {
    const client = await this.connect(database);
    const name = pg.escapeIdentifier(schema);
    await client.query(`CREATE SCHEMA ${name}; SET search_path = ${name}; ${ddl}; RESET search_path`);
    return { client, schema, isAlone };
  }

  async stop(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.end()));
    await Promise.all(Object.values(this.databases).map((database) => database.drop()));
  }
}

/** Runs statements with the place's schema as search path; `$t` in them is the tenant. */
export async function run({ client, schema }: CopyPlace, tenantId: string, sql: string): Promise<void> {
  const path = pg.escapeIdentifier(schema);
  await client.query(`SET search_path = ${path}; ${sql.replaceAll('$t', `'${tenantId}'::uuid`)}; RESET search_path`);
}

/** The tenant's rows of a table as texts, in their own order. */
export async function texts({ client, schema }: CopyPlace, table: string, tenantId: string): Promise<string[]> {
  const name = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`;
  const { rows } = await client.query<{ text: string }>(
    // No table has a column of that name, which would be read in place of the row.
    `SELECT row_of_table::text AS text FROM ${name} row_of_table WHERE tenant_id = $1 ORDER BY row_of_table::text COLLATE "C"`,
    [tenantId],
  );
  return rows.map(({ text }) => text);
}

/** Whether a connection is outside a transaction, with the settings of its start, and answers. */
export async function isUsable(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ path: string }>(`SELECT current_setting('search_path') AS path`);
  return rows[0]?.path === '"$user", public' && client.getTransactionStatus() === 'I';
}
