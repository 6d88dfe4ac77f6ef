import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import type { Migration } from '../../../src/database/table-migrations/versions/migration-names.js';
import type { ConnectionTarget } from '../../../src/database/connection/connection-target.js';
import { testServer } from '../postgres/postgres.js';
import { createTenantDatabase, type TenantDatabase } from '../postgres/tenant-database.js';

type Up = string | ((runner: QueryRunner) => Promise<void>);

/** A migration from its statement or function. TypeORM requires a name that ends in 13 digits. */
export function migration(name: string, up: Up, transaction?: boolean): Migration {
  return class implements MigrationInterface {
    readonly name = name;
    readonly transaction = transaction;

    async up(runner: QueryRunner): Promise<void> {
      if (typeof up === 'string') await runner.query(up);
      else await up(runner);
    }

    async down(): Promise<void> {}
  };
}

export function ownerTarget(database: string): ConnectionTarget {
  const { host, port, owner: role, ownerPassword: password } = testServer();
  return {
    ...{ id: `owner of ${database}`, version: '1', shared: false, database, role, password },
    server: { id: 'test', host, port, tls: 'disable' },
  };
}

/** A database in which a test can create schemas and connections of the owner. */
export class MigrationFixture {
  private readonly clients: pg.Client[] = [];

  private constructor(readonly database: TenantDatabase) {}

  static async create(): Promise<MigrationFixture> {
    return new MigrationFixture(await createTenantDatabase());
  }

  get role(): string {
    return this.database.role;
  }

  get owner(): ConnectionTarget {
    return ownerTarget(this.database.name);
  }

  client(): Promise<pg.Client> {
    return this.connect({ connectionString: this.database.url });
  }

  superuser(): Promise<pg.Client> {
    const { host, port, superuser: user, superuserPassword: password } = testServer();
    return this.connect({ host, port, user, password, database: this.database.name });
  }

  private async connect(config: pg.ClientConfig): Promise<pg.Client> {
    const client = new pg.Client(config);
    client.on('error', () => undefined); // a test may kill it
    await client.connect();
    this.clients.push(client);
    return client;
  }

  /** Creates a schema that belongs to the owner. */
  async tables(): Promise<{ readonly schema: string; readonly role: string }> {
    const schema = `t_${randomBytes(5).toString('hex')}`;
    const client = await this.client();
    await client.query(`CREATE SCHEMA ${schema}`);
    return { schema, role: this.role };
  }

  async exists(name: string): Promise<boolean> {
    const rows = await this.database.admin<{ found: boolean }>('SELECT to_regclass($1) IS NOT NULL AS found', [name]);
    return rows[0]?.found === true;
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.end()));
    await this.database.drop();
  }
}

/** Records every later statement of the client. */
export function recordStatements(client: pg.ClientBase): string[] {
  const statements: string[] = [];
  const send = client.query.bind(client) as (...args: unknown[]) => unknown;
  const query = (...args: unknown[]): unknown => {
    const [statement] = args;
    statements.push(typeof statement === 'string' ? statement : (statement as { text: string }).text);
    return send(...args);
  };
  Object.assign(client, { query });
  return statements;
}

/** The state of a connection that a run must leave unchanged: no setting of one schema may reach the next. */
export async function stateOf(client: pg.Client): Promise<Record<string, unknown> | undefined> {
  const { rows } = await client.query<Record<string, unknown>>(
    `SELECT current_setting('search_path') AS search_path, current_setting('lock_timeout') AS lock_timeout,
            (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS locks`,
  );
  return { ...rows[0], transaction: client.getTransactionStatus() };
}
