import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import typescript from 'typescript';
import type { EntityTarget, ObjectLiteral } from 'typeorm';
import { adoptTenantTable } from '../../../src/database/table-migrations/adoption/adopt-tenant-table.js';
import type { TenantSchema } from '../../../src/database/table-migrations/tenant-schema/tenant-schema.js';
import type { Migration } from '../../../src/database/table-migrations/versions/migration-names.js';
import { Cli, type CommandResult, settings } from '../cli/cli.js';
import { createTestDatabase, type TestDatabase, testServer } from '../postgres/postgres.js';
import { dropEverything } from '../test-app.js';

/** The class that the source of an adopting migration declares, compiled and evaluated. */
function compiledAdoption(source: string): Migration {
  const { outputText } = typescript.transpileModule(source, {
    compilerOptions: { module: typescript.ModuleKind.CommonJS, target: typescript.ScriptTarget.ES2022 },
  });
  const exported: Record<string, Migration> = {};
  // oxlint-disable-next-line typescript/no-implied-eval -- what the command wrote
  new Function('require', 'exports', outputText)(() => ({ adoptTenantTable }), exported);
  const [migration] = Object.values(exported);
  if (!migration) throw new Error('the source exports no migration');
  return migration;
}

/** An existing application's databases, an installation of Tenantry beside them, and its command line. */
export class AdoptionRig {
  readonly folder = mkdtempSync(join(tmpdir(), 'tenantry-adoption-'));
  readonly env: Readonly<Record<string, string>>;
  readonly databases: TestDatabase[] = [];
  private readonly schema: { entities: EntityTarget<ObjectLiteral>[]; migrations: Migration[] } = {
    entities: [],
    migrations: [],
  };

  private constructor(readonly catalog: TestDatabase) {
    this.env = { ...settings(randomBytes(32).toString('base64'), this.folder), DATABASE_URL: catalog.url };
  }

  static async create(): Promise<AdoptionRig> {
    return new AdoptionRig(await createTestDatabase('catalog'));
  }

  /** A database of the existing application, whose tables the owner owns. */
  async existing(sql: string, prefix = 'shop'): Promise<TestDatabase> {
    const database = await createTestDatabase(prefix);
    await database.admin(`ALTER SCHEMA public OWNER TO ${testServer().owner}`);
    this.databases.push(database);
    const owner = await this.owner(database);
    await owner.query(sql);
    await owner.end();
    return database;
  }

  async owner(database: TestDatabase): Promise<pg.Client> {
    const client = new pg.Client(database.url);
    await client.connect();
    return client;
  }

  /** The application's entities, for comparison with the tables. */
  use(...entities: EntityTarget<ObjectLiteral>[]): void {
    this.schema.entities.push(...entities);
  }

  /** Adds a migration of the application's own. */
  addMigration(migration: Migration): void {
    this.schema.migrations.push(migration);
  }

  /** Adds the migration that `tenantry adopt` wrote to the application. */
  registerMigration(adoption = 'adoption'): string {
    const folder = join(this.folder, adoption, 'migrations');
    const [file = ''] = readdirSync(folder);
    const source = readFileSync(join(folder, file), 'utf8');
    this.schema.migrations.push(compiledAdoption(source));
    return source;
  }

  get tenantSchema(): TenantSchema {
    return this.schema;
  }

  file(name: string): string {
    return readFileSync(join(this.folder, 'adoption', name), 'utf8');
  }

  cli(...args: string[]): Promise<CommandResult> {
    return new Cli(this.env, this.schema).runAmid({ cwd: this.folder }, ...args);
  }

  /** A command that must succeed. */
  async succeed(...args: string[]): Promise<CommandResult> {
    const result = await this.cli(...args);
    if (result.code !== 0)
      throw new Error(`${args.join(' ')} ended with ${result.code}: ${result.stderr}${result.stdout}`);
    return result;
  }

  async drop(): Promise<void> {
    await dropEverything(this.catalog); // with the login roles
    for (const database of this.databases) await database.drop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
