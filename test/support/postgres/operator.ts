import { readFileSync } from 'node:fs';
import pg from 'pg';
import type { TestServer } from './postgres.js';

const GUIDE = new URL('../../../docs/guides/database-rights.md', import.meta.url);

/** The SQL blocks of docs/guides/database-rights.md, in its order. */
const [SHARED_TABLES = '', SCHEMAS = '', DATABASES = ''] = [
  ...readFileSync(GUIDE, 'utf8').matchAll(/```sql\n(.*?)```/gs),
].map(([, sql = '']) => sql);
export const GUIDE_SQL = { sharedTables: SHARED_TABLES, schemas: SCHEMAS, databases: DATABASES } as const;

const ROLES = ['app_owner', 'app_login'];
const PASSWORDS: Readonly<Record<string, string>> = { app_owner: 'a-secret-of-your-own', app_login: 'another-secret' };
const DATABASE_NAMES = ['app_catalog', 'app_tenants'];

/** An operator of a server who follows the guide. One spec at a time may: the guide has names of its own. */
export class Operator {
  constructor(private readonly server: TestServer) {}

  /** Runs a block of the guide as psql does. `\connect` changes the database. */
  async follow(sql: string): Promise<void> {
    let database = 'postgres';
    for (const [index, text] of sql.split(/^\\connect /m).entries()) {
      const [name = '', ...lines] = text.split('\n');
      if (index > 0) database = name.trim();
      const statements = (index > 0 ? lines.join('\n') : text).split(/;\s*$/m).filter((line) => line.trim() !== '');
      for (const statement of statements) await this.run(statement, database);
    }
  }

  run<Row extends pg.QueryResultRow>(text: string, database = 'app_tenants'): Promise<Row[]> {
    const { superuser: user, superuserPassword: password } = this.server;
    return this.query<Row>({ user, password, database }, [text]);
  }

  /** Runs statements in the tenants' database as one of the guide's roles. @returns the rows of the last */
  as<Row extends pg.QueryResultRow>(user: string, ...statements: readonly string[]): Promise<Row[]> {
    return this.query<Row>({ user, password: PASSWORDS[user] ?? '', database: 'app_tenants' }, statements);
  }

  private async query<Row extends pg.QueryResultRow>(
    login: pg.ClientConfig,
    statements: readonly string[],
  ): Promise<Row[]> {
    const { host, port } = this.server;
    const client = new pg.Client({ host, port, ...login });
    await client.connect();
    try {
      let rows: Row[] = [];
      for (const statement of statements) ({ rows } = await client.query<Row>(statement));
      return rows;
    } finally {
      await client.end();
    }
  }

  url(role: string, database: string, password = PASSWORDS[role] ?? ''): string {
    const { host, port } = this.server;
    return `postgres://${role}:${encodeURIComponent(password)}@${host}:${port}/${database}`;
  }

  /** What the guide starts the application with. */
  get environment(): Readonly<Record<string, string>> {
    return {
      DATABASE_URL: this.url('app_owner', 'app_catalog'),
      TENANT_DATABASE_URL: this.url('app_login', 'app_tenants'),
    };
  }

  /** Drops what the guide has made, and databases and roles of tenants in it. */
  async clear(): Promise<void> {
    const owned = `SELECT datname AS name FROM pg_database WHERE datname = ANY ('{${DATABASE_NAMES.join(',')}}') OR datname LIKE 'app\\_catalog\\_%'`;
    for (const { name } of await this.run<{ name: string }>(owned, 'postgres')) {
      await this.run(`DROP DATABASE ${name} WITH (FORCE)`, 'postgres');
    }
    const roles = `SELECT rolname AS name FROM pg_roles WHERE rolname = ANY ('{${ROLES.join(',')}}') OR rolname LIKE 'app\\_catalog\\_%'`;
    for (const { name } of await this.run<{ name: string }>(roles, 'postgres')) {
      await this.run(`DROP OWNED BY ${name}; DROP ROLE ${name}`, 'postgres');
    }
  }
}
