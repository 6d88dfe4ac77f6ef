import { expect } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { mentions } from '../support/admin/mentions.js';
import { Operators } from '../support/operations/operators.js';
import { asSuperuser } from '../support/postgres/postgres.js';
import { soon } from '../support/load/soon.js';
import type { Json } from '../support/test-app.js';

export type Isolation = 'row' | 'schema' | 'database';

/** One operation to crash: how it is requested, and how its result is verified. */
export interface CrashCase {
  readonly kind: string;
  /** Requests it. @returns the operation as the control plane shows it */
  request(operators: Operators): Promise<Json>;
  /** Fails unless the operation has had its effect, exactly once. */
  verify(operators: Operators): Promise<void>;
}

/** Crashes the operation once at each point, each time a new one, and expects another process to complete it. */
export async function crashEverywhere(operators: Operators, makeCase: () => Promise<CrashCase>): Promise<number> {
  const uncrashed = await makeCase();
  const operation = await uncrashed.request(operators);
  await succeeded(operators, operation.id);
  await uncrashed.verify(operators);
  const steps = (operation.steps as { name: string }[]).map(({ name }) => name);
  const points = [...steps, 'succeeded'];
  for (const point of points) await crashAt(operators, await makeCase(), point);
  return points.length;
}

/** @param point a step that begins, while the one before it is done and not recorded; or `succeeded` */
export async function crashAt(operators: Operators, crashed: CrashCase, point: string): Promise<void> {
  await operators.bothRun();
  await operators.halts.set(crashed.kind, point);
  const { id } = await crashed.request(operators);
  await operators.halts.reached();
  await operators.killWorkerOf(id);
  await operators.halts.lift();
  await succeeded(operators, id);
  await crashed.verify(operators);
}

export async function succeeded(operators: Operators, id: string): Promise<void> {
  await soon(async () => {
    const { body } = await operators.call('GET', `/admin/v1/operations/${id}`);
    expect(body).toMatchObject({ status: 'succeeded', error: null });
  });
}

/** Creates a tenant. */
export async function provisionCase(isolation: Isolation): Promise<CrashCase> {
  const slug = randomSlug();
  return {
    kind: 'provision',
    request: async (operators) =>
      (await operators.call('POST', '/admin/v1/tenants', { slug, isolation })).body.operation,
    verify: (operators) => works(operators, slug),
  };
}

/** Creates tenants of all isolations with one operation. */
export async function provisionTenantsCase(): Promise<CrashCase> {
  const tenants = (['row', 'row', 'schema', 'schema', 'database'] as const).map((isolation) => ({
    slug: randomSlug(),
    isolation,
  }));
  return {
    kind: 'provision-tenants',
    request: async (operators) => (await operators.call('POST', '/admin/v1/tenants/bulk', { tenants })).body,
    verify: async (operators) => {
      for (const { slug } of tenants) await works(operators, slug);
    },
  };
}

/** Deletes a tenant; its neighbour must stay. */
export async function deleteCase(operators: Operators, isolation: Isolation): Promise<CrashCase> {
  const slug = await provisioned(operators, isolation);
  const neighbour = await provisioned(operators, isolation);
  await works(operators, slug);
  await works(operators, neighbour);
  const location = (await operators.call('GET', `/admin/v1/tenants/${slug}`)).body;
  return {
    kind: 'delete',
    request: async () => (await operators.call('DELETE', `/admin/v1/tenants/${slug}?graceSeconds=0`)).body,
    verify: async () => {
      expect((await operators.call('GET', `/admin/v1/tenants/${slug}`)).status).toBe(404);
      await isGone(location);
      expect(await mentions(operators.database, slug)).toEqual([]);
      await isReported(operators, location);
      await works(operators, neighbour);
    },
  };
}

/** A role is named after its database, shortened where the name would be too long; the slug is random. */
const ROLE_PREFIX_LENGTH = 40;

/** Gives a tenant with a database of its own a new login role. */
export async function rotateCase(operators: Operators): Promise<CrashCase> {
  const slug = await provisioned(operators, 'database');
  await works(operators, slug);
  const { database } = (await operators.call('GET', `/admin/v1/tenants/${slug}`)).body;
  return {
    kind: 'rotate-credentials',
    request: async () =>
      (await operators.call('POST', '/admin/v1/operations', { kind: 'rotate-credentials', tenant: slug })).body,
    verify: async () => {
      await works(operators, slug);
      const roles = await asSuperuser<{ role: string }>(
        'postgres',
        `SELECT rolname AS role FROM pg_roles WHERE rolname LIKE $1 || '%'`,
        [database.slice(0, ROLE_PREFIX_LENGTH)],
      );
      const [target] = await operators.database.admin('SELECT role FROM connection_targets WHERE database = $1', [
        database,
      ]);
      expect(roles).toEqual([target]);
    },
  };
}

/** Re-encrypts every encrypted value of the catalog. */
export async function resealCase(): Promise<CrashCase> {
  return {
    kind: 'reseal',
    request: async (operators) => (await operators.call('POST', '/admin/v1/operations', { kind: 'reseal' })).body,
    verify: async (operators) => works(operators, await provisioned(operators, 'row')),
  };
}

/** Migrates a tenant whose tables are one migration behind. */
export async function migrateCase(operators: Operators): Promise<CrashCase> {
  const slug = await provisioned(operators, 'schema');
  const { database, schema, schemaVersion } = (await operators.call('GET', `/admin/v1/tenants/${slug}`)).body;
  await asSuperuser(database, `DROP TABLE "${schema}".order_lines, "${schema}".orders`);
  await asSuperuser(database, `DELETE FROM "${schema}".schema_migrations WHERE name = $1`, [schemaVersion]);
  await operators.database.admin(`UPDATE tenants SET schema_version = 'CreateCustomers1764000000000' WHERE slug = $1`, [
    slug,
  ]);
  return {
    kind: 'migrate',
    request: async () => (await operators.call('POST', '/admin/v1/operations', { kind: 'migrate' })).body,
    verify: async () => {
      await works(operators, slug);
      const { body } = await operators.call('GET', `/admin/v1/tenants/${slug}`);
      expect(body).toMatchObject({ schemaVersion, status: 'active' });
    },
  };
}

export async function provisioned(operators: Operators, isolation: Isolation): Promise<string> {
  const slug = randomSlug();
  const { body } = await operators.call('POST', '/admin/v1/tenants', { slug, isolation });
  await succeeded(operators, body.operation.id);
  return slug;
}

/** Asserts that the tenant is served: a row can be written and read. */
export async function works(operators: Operators, slug: string): Promise<void> {
  const { body: key } = await operators.call('POST', `/admin/v1/tenants/${slug}/api-keys`, {});
  const email = `${randomUUID()}@example.com`;
  await soon(async () => {
    const { status } = await operators.call('POST', '/api/v1/customers', { name: 'First', email }, key.token);
    expect(status).toBe(201);
  });
  const { body } = await operators.call('GET', '/api/v1/customers', undefined, key.token);
  expect(body.items.map((item: Json) => item.email)).toContain(email);
}

/** Asserts that neither rows nor schema nor database nor role of the tenant are left. */
export async function isGone({ id, isolation, database, schema }: Json): Promise<void> {
  if (isolation === 'row') {
    const rows = await asSuperuser(database, 'SELECT FROM shared.customers WHERE tenant_id = $1', [id]);
    expect(rows).toHaveLength(0);
  }
  if (isolation === 'schema') {
    expect(await asSuperuser(database, 'SELECT FROM pg_namespace WHERE nspname = $1', [schema])).toHaveLength(0);
  }
  if (isolation === 'database') {
    expect(await asSuperuser('postgres', 'SELECT FROM pg_database WHERE datname = $1', [database])).toHaveLength(0);
    expect(await asSuperuser('postgres', 'SELECT FROM pg_roles WHERE rolname = $1', [database])).toHaveLength(0);
  }
}

/** Asserts that the deletion's report counts what was there before the first attempt. */
async function isReported(operators: Operators, { id, isolation, database }: Json): Promise<void> {
  const { body } = await operators.call('GET', `/admin/v1/operations?kind=delete&tenant=${id}`);
  const { result } = body.items[0];
  expect(result.data).toMatchObject({ removed: isolation === 'row' ? 'rows' : isolation, database });
  expect(result.data.tables).toContainEqual({ table: 'customers', rows: 1, isEstimated: false });
  expect(result.login.role).toBe(isolation === 'database' ? database : null);
  expect(result.records).toMatchObject({ apiKeys: 1, domains: 0 });
  expect(result.remains).toContainEqual(expect.objectContaining({ what: expect.stringContaining('audit log') }));
}

function randomSlug(): string {
  return `t${randomUUID().slice(0, 8)}`;
}
