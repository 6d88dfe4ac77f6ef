import { afterEach, beforeAll, afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { catalogSchemaOf, openCatalog } from '../../../src/catalog/catalog-data-source.js';
import { CatalogSchemaError, MissingRightsError } from '../../../src/catalog/catalog.errors.js';
import { targetOfUrl } from '../../../src/database/connection/connection-target.js';
import { asSuperuser, createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { POOL_OPTIONS } from '../../support/pool/test-pool.js';

/** With that of the migrations. */
const CATALOG_TABLES = 32;

/** Not named as the default schema, which its search path would find otherwise. */
const OWNER = `owner_of_${process.pid}`;

let database: TestDatabase;
let url: URL;
const opened: DataSource[] = [];

beforeAll(async () => {
  await asSuperuser('postgres', `CREATE ROLE ${OWNER} LOGIN CREATEDB CREATEROLE PASSWORD 'secret'`);
});

beforeEach(async () => {
  database = await createTestDatabase('catalog');
  await database.admin(`ALTER DATABASE ${database.name} OWNER TO ${OWNER}`);
  url = new URL(database.url);
  url.username = OWNER;
  url.password = 'secret';
});

afterEach(async () => {
  for (const catalog of opened.splice(0)) await catalog.destroy();
  await database.drop();
});

afterAll(async () => void (await asSuperuser('postgres', `DROP ROLE ${OWNER}`)));

async function open(schema?: string): Promise<DataSource> {
  const catalog = await openCatalog(targetOfUrl(url.href, 'default'), POOL_OPTIONS, { isProvided: false, schema });
  opened.push(catalog);
  return catalog;
}

async function tablesBySchema(): Promise<Record<string, number>> {
  const rows = await database.admin<{ schema: string; tables: number }>(
    `SELECT schemaname AS schema, count(*)::int AS tables FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema') GROUP BY 1`,
  );
  return Object.fromEntries(rows.map(({ schema, tables }) => [schema, tables]));
}

describe('the schema of the catalog', () => {
  it('is tenantry in a new installation, and nothing of it is in public', async () => {
    expect(catalogSchemaOf(await open())).toBe('tenantry');
    expect(await tablesBySchema()).toEqual({ tenantry: CATALOG_TABLES });
  });

  it.each(['public', OWNER])('stays %s where a former release has put the catalog', async (schema) => {
    await database.admin(`CREATE SCHEMA IF NOT EXISTS ${schema} AUTHORIZATION ${OWNER}`);
    await open(schema);
    expect(catalogSchemaOf(await open())).toBe(schema);
    expect(await tablesBySchema()).toEqual({ [schema]: CATALOG_TABLES });
  });

  it("is what CATALOG_SCHEMA names, whatever the defaults of the role's and the database's search path", async () => {
    await database.admin(`ALTER ROLE ${OWNER} IN DATABASE ${database.name} SET search_path = nowhere`);
    await open('control');
    expect(catalogSchemaOf(await open('control'))).toBe('control');
    expect(await tablesBySchema()).toEqual({ control: CATALOG_TABLES });
  });

  it('is created once by two instances that start at the same time', async () => {
    const schemas = (await Promise.all([open(), open(), open()])).map(catalogSchemaOf);
    expect(schemas).toEqual(['tenantry', 'tenantry', 'tenantry']);
  });

  it("leaves another application's tables of the same names alone", async () => {
    await database.admin(`
      CREATE TABLE public.tenants (nr int); INSERT INTO public.tenants VALUES (7);
      CREATE TABLE public.catalog_migrations (version text); INSERT INTO public.catalog_migrations VALUES ('1');`);
    await open();
    expect(await tablesBySchema()).toEqual({ public: 2, tenantry: CATALOG_TABLES });
    expect(await database.admin('SELECT nr FROM public.tenants')).toEqual([{ nr: 7 }]);
  });

  it("names another application's tables where they are in the way", async () => {
    await database.admin('CREATE TABLE public.tenants (nr int); CREATE TABLE public.operations (nr int)');
    await expect(open('public')).rejects.toThrow(
      'the schema "public" has tables of another application ("operations", "tenants"): set CATALOG_SCHEMA',
    );
    expect(await tablesBySchema()).toEqual({ public: 2 });
  });

  it('is refused when the catalog is in another one, instead of beginning with an empty catalog', async () => {
    await open('public');
    await expect(open('control')).rejects.toThrow(
      'CATALOG_SCHEMA is "control", but the catalog of this database is in the schema "public": set CATALOG_SCHEMA=public',
    );
    await expect(open('control')).rejects.toBeInstanceOf(CatalogSchemaError);
    expect(await tablesBySchema()).toEqual({ public: CATALOG_TABLES });
  });

  it('is to be left unset where its name is none that CATALOG_SCHEMA takes', async () => {
    await database.admin(`ALTER ROLE ${OWNER} IN DATABASE ${database.name} SET search_path = "My App"`);
    await open('control');
    await database.admin('ALTER SCHEMA control RENAME TO "My App"');
    await expect(open('control')).rejects.toThrow('is in the schema "My App": leave CATALOG_SCHEMA unset');
    expect(catalogSchemaOf(await open())).toBe('My App');
  });

  it('has to be named when a former release has made a second, empty catalog in public', async () => {
    await open();
    await database.admin('ALTER SCHEMA tenantry RENAME TO aside');
    await open('public');
    await database.admin('ALTER SCHEMA aside RENAME TO tenantry');
    await expect(open()).rejects.toThrow(
      'the schemas "public" and "tenantry" both have a catalog: set CATALOG_SCHEMA=public or CATALOG_SCHEMA=tenantry,',
    );
    expect(catalogSchemaOf(await open('tenantry'))).toBe('tenantry');
  });

  it('needs no right on the database where an operator has created it', async () => {
    await database.admin(`ALTER DATABASE ${database.name} OWNER TO postgres`);
    await expect(open()).rejects.toBeInstanceOf(MissingRightsError);
    await expect(open()).rejects.toThrow('lacks CREATE in the schema "tenantry" for the catalog, or on the database');
    await database.admin(`CREATE SCHEMA tenantry AUTHORIZATION ${OWNER}`);
    expect(catalogSchemaOf(await open())).toBe('tenantry');
  });

  it('is found by the triggers of a change made by hand, without a search path', async () => {
    const catalog = await open('control');
    await catalog.query(`INSERT INTO tenants (slug, isolation) VALUES ('acme', 'row')`);
    await catalog.query(`INSERT INTO api_keys (id, tenant_id, secret_hash) SELECT 'key', id, 'hash' FROM tenants`);
    await database.admin(`SET search_path = pg_catalog; UPDATE control.api_keys SET name = 'renamed'`);
    expect(await catalog.query('SELECT version FROM tenants')).toEqual([{ version: 3 }]); // 1 when inserted, then with its key;
    await database.admin(`SET search_path = pg_catalog; DELETE FROM control.tenants`);
    expect(await catalog.query('SELECT id FROM api_keys')).toEqual([]);
  });
});
