import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import pg from 'pg';
import { dedicatedTargetName, sharedTargetName, tenantSchemaName } from '../../../../src/admin/provisioning/names.js';
import { ensureDatabase, ensureLoginRole } from '../../../../src/admin/provisioning/postgres-objects.js';
import {
  dropLoginRole,
  dropTenantDatabase,
  dropTenantSchema,
} from '../../../../src/admin/deprovisioning/drop-placement.js';
import { asSuperuser, createTestDatabase, type TestDatabase, testServer } from '../../../support/postgres/postgres.js';

const REFUSED = { code: 'REMOVAL_REFUSED' };

let database: TestDatabase;
let owner: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase('placement');
  owner = new pg.Client({ connectionString: database.url });
  await owner.connect();
});

afterAll(async () => {
  await owner.end();
  await database.drop();
});

/** A dedicated target as provisioning makes it; one name for the role and the database. */
async function dedicated(): Promise<{ id: string; role: string; password: string }> {
  const id = randomUUID();
  const role = dedicatedTargetName(database.name, id);
  const password = randomBytes(12).toString('hex');
  await ensureLoginRole(owner, { id, role }, password);
  await ensureDatabase(owner, role, role);
  return { id, role, password };
}

async function exists(kind: 'database' | 'role' | 'schema', name: string): Promise<boolean> {
  const { rows } = await owner.query(
    `SELECT FROM (SELECT 'database', datname FROM pg_database UNION ALL SELECT 'role', rolname FROM pg_roles
                  UNION ALL SELECT 'schema', nspname FROM pg_namespace) o (kind, name)
     WHERE kind = $1 AND name = $2`,
    [kind, name],
  );
  return rows.length === 1;
}

describe("dropping a tenant's schema", () => {
  it('drops everything in it and is idempotent', async () => {
    const schema = tenantSchemaName(randomUUID());
    await owner.query(`CREATE SCHEMA "${schema}"; CREATE TABLE "${schema}"."Notes" (id int PRIMARY KEY)`);
    for (let run = 0; run < 2; run += 1) await dropTenantSchema(owner, schema);
    expect(await exists('schema', schema)).toBe(false);
  });

  it.each([
    'shared',
    'public',
    'pg_catalog',
    'information_schema',
    'tenants',
    '',
    'T_ACME_0123abcd',
    't_acme_0123abcd"; --',
    `t_${'0'.repeat(31)}`,
    `t_${'0'.repeat(33)}`,
  ])('refuses the schema name "%s"', async (schema) => {
    await owner.query('CREATE SCHEMA IF NOT EXISTS shared');
    await expect(dropTenantSchema(owner, schema)).rejects.toMatchObject(REFUSED);
    expect(await exists('schema', 'shared')).toBe(true);
  });

  it.each(['t_acme_0123abcd', `t_${'a'.repeat(52)}_0123abcd`])(
    'accepts %s, as former versions named it',
    async (schema) => {
      await owner.query(`CREATE SCHEMA "${schema}"`);
      await dropTenantSchema(owner, schema);
      expect(await exists('schema', schema)).toBe(false);
    },
  );
});

describe("dropping a tenant's database and login role", () => {
  it('works while the tenant is connected, for an owner who is no superuser, and is idempotent', async () => {
    const { id, role, password } = await dedicated();
    const { host, port } = testServer();
    const tenant = new pg.Client({ host, port, user: role, password, database: role });
    const reported: Error[] = [];
    tenant.on('error', (error) => reported.push(error));
    await tenant.connect();
    await tenant.query('BEGIN');
    for (let run = 0; run < 2; run += 1) await dropTenantDatabase(owner, role);
    expect(await exists('database', role)).toBe(false);
    await expect(tenant.query('SELECT 1')).rejects.toThrow();
    expect(reported).not.toHaveLength(0);
    for (let run = 0; run < 2; run += 1) await dropLoginRole(owner, { id, role });
    expect(await exists('role', role)).toBe(false);
  });

  it('accepts a database as former versions named it', async () => {
    const name = `${database.name}_acme_0123abcd`;
    await owner.query(`CREATE DATABASE "${name}"`);
    await dropTenantDatabase(owner, name);
    expect(await exists('database', name)).toBe(false);
  });

  it("refuses a foreign database, the shared one, the catalog's own, and PostgreSQL's", async () => {
    const stranger = dedicatedTargetName(database.name, randomUUID());
    await asSuperuser('postgres', `CREATE DATABASE "${stranger}"`);
    const others = [stranger, sharedTargetName(database.name), database.name, 'postgres', 'template1', 'pg_x_01234567'];
    for (const name of others.filter((other) => other !== sharedTargetName(database.name))) {
      await expect(dropTenantDatabase(owner, name)).rejects.toMatchObject(REFUSED);
      expect(await exists('database', name)).toBe(name !== 'pg_x_01234567');
    }
    await expect(dropTenantDatabase(owner, sharedTargetName(database.name))).rejects.toMatchObject(REFUSED);
    await asSuperuser('postgres', `DROP DATABASE "${stranger}"`);
  });

  it('refuses the shared database of a catalog whose name is long enough to be truncated', async () => {
    const catalog = `c${randomBytes(4).toString('hex')}${'x'.repeat(50)}`;
    const shared = sharedTargetName(catalog);
    await owner.query(`CREATE DATABASE "${catalog}"`);
    await owner.query(`CREATE DATABASE "${shared}"`);
    const there = new pg.Client({ connectionString: database.url.replace(/[^/]+$/, catalog) });
    await there.connect();
    await expect(dropTenantDatabase(there, shared)).rejects.toMatchObject(REFUSED);
    await there.end();
    for (const name of [shared, catalog]) await owner.query(`DROP DATABASE "${name}"`);
  });

  it('never drops a role of the same name that is foreign or belongs to another target', async () => {
    const role = dedicatedTargetName(database.name, randomUUID());
    await owner.query(`CREATE ROLE "${role}"`);
    await expect(dropLoginRole(owner, { id: randomUUID(), role })).rejects.toMatchObject(REFUSED);
    await owner.query(`COMMENT ON ROLE "${role}" IS 'login role of connection target ${randomUUID()}'`);
    await expect(dropLoginRole(owner, { id: randomUUID(), role })).rejects.toMatchObject(REFUSED);
    expect(await exists('role', role)).toBe(true);
    await owner.query(`DROP ROLE "${role}"`);
  });

  it('keeps the role while its database exists', async () => {
    const { id, role } = await dedicated();
    await expect(dropLoginRole(owner, { id, role })).rejects.toMatchObject({ code: '2BP01' });
    await dropTenantDatabase(owner, role);
    await dropLoginRole(owner, { id, role });
    expect(await exists('role', role)).toBe(false);
  });
});
