import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { AuditRecords } from '../../../src/admin/audit/audit-records.js';
import type { AuditFilter } from '../../../src/admin/audit/audit.schemas.js';
import { openCatalog } from '../../../src/catalog/catalog-data-source.js';
import type { TenantSelection } from '../../../src/catalog/model/operator.js';
import { targetOfUrl } from '../../../src/database/connection/connection-target.js';
import { POOL_OPTIONS } from '../../support/pool/test-pool.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { AuditedTenants1786000000000 } from '../../../src/catalog/schema-migrations/1786000000000-audited-tenants.js';
import { undoMigrationsFrom } from '../../support/catalog/undo-migrations.js';

let database: TestDatabase;
let catalog: DataSource;

beforeAll(async () => {
  database = await createTestDatabase('catalog');
  catalog = await openCatalog(targetOfUrl(database.url, 'default'), POOL_OPTIONS);
});

afterAll(async () => {
  await catalog.destroy();
  await database.drop();
});

async function insertTenant(slug: string, groups: readonly string[] = []): Promise<string> {
  const id = randomUUID();
  await catalog.query(`INSERT INTO tenants (id, slug, isolation, groups) VALUES ($1, $2, 'row', $3)`, [
    id,
    slug,
    groups,
  ]);
  return id;
}

async function insertOperation(tenantId: string | null, subject: string): Promise<string> {
  const id = randomUUID();
  await catalog.query(
    `INSERT INTO operations (id, kind, status, tenant_id, subject, steps, created_by)
     VALUES ($1, 'provision', 'succeeded', $2, $3, '{}', 'test')`,
    [id, tenantId, subject],
  );
  return id;
}

/** As any release writes it. */
async function record(action: string, kind: string, id: string, subject: string, actor = 'test'): Promise<void> {
  await catalog.query(
    `INSERT INTO audit_log (actor, address, action, subject_kind, subject_id, subject)
     VALUES ($1, '127.0.0.1', $2, $3, $4, $5)`,
    [actor, action, kind, id, subject],
  );
}

async function actionsOf(limitedTo: TenantSelection | undefined, filter: Partial<AuditFilter> = {}): Promise<string[]> {
  const { items } = await new AuditRecords(catalog).list({ limit: 100, ...filter }, limitedTo);
  return items.map(({ action }) => action);
}

const only = (tenantId: string): TenantSelection => ({ tenantIds: [tenantId], groups: [] });

/** A tenant, and others that have its name, each with an entry. */
async function recordNamesakes(slug: string): Promise<string> {
  const tenant = await insertTenant(slug);
  await catalog.query(`INSERT INTO api_keys (id, tenant_id, secret_hash) VALUES ($1, $2, '')`, [`key-${slug}`, tenant]);
  await record('tenant.create', 'tenant', tenant, slug);
  await record('api-key.issue', 'api-key', `key-${slug}`, slug);
  await record('operation.retry', 'operation', await insertOperation(tenant, slug), `provision ${slug}`);
  await record('operator.create', 'operator', randomUUID(), slug);
  await record('plan.change', 'plan', slug, slug);
  await record('server.change', 'server', randomUUID(), slug);
  await record('operation.create', 'operation', await insertOperation(null, slug), `enforce-stamps ${slug}`);
  return tenant;
}

const OWN = ['operation.retry', 'api-key.issue', 'tenant.create'];

describe('the audit log of a limited operator', () => {
  it('has what is about its tenants, and nothing about operators, plans, servers and fleets of that name', async () => {
    const tenant = await recordNamesakes('namesake');
    expect(await actionsOf(only(tenant))).toEqual(OWN);
    expect(await actionsOf(only(tenant), { subject: 'namesake' })).toEqual(OWN);
    expect(await actionsOf(only(tenant), { subject: tenant })).toEqual(OWN);
    expect(await actionsOf(only(tenant), { subject: 'namesake', action: 'api-key.issue' })).toEqual(['api-key.issue']);
    expect(await actionsOf(undefined, { subject: 'namesake' })).toHaveLength(7);
    expect(await actionsOf(undefined, { subject: tenant })).toEqual(OWN);
  });

  it('has the same of entries that former releases have written', async () => {
    await undoMigrationsFrom(catalog, AuditedTenants1786000000000);
    const tenant = await recordNamesakes('earlier');
    await catalog.runMigrations();
    expect(await actionsOf(only(tenant))).toEqual(OWN);
  });

  it('has pages', async () => {
    const tenant = await insertTenant('pages');
    for (const n of [1, 2, 3]) await record(`tenant.${'x'.repeat(n)}`, 'tenant', tenant, 'pages');
    const records = new AuditRecords(catalog);
    const first = await records.list({ limit: 2 }, only(tenant));
    const second = await records.list({ limit: 2, cursor: first.nextCursor ?? '' }, only(tenant));
    expect([first, second].map(({ items }) => items.map(({ action }) => action))).toEqual([
      ['tenant.xxx', 'tenant.xx'],
      ['tenant.x'],
    ]);
    expect(second.nextCursor).toBeNull();
  });

  it.each<[string, Partial<AuditFilter>]>([
    ['all', {}],
    ['one tenant', { subject: 'mine-1' }],
  ])('is read from an index, however many entries there are of other tenants: %s', async (_what, filter) => {
    await insertFleet();
    const plans: PlanNode[] = [];
    const explaining = {
      query: async (text: string, values: unknown[]) => {
        const [row] = await catalog.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, values);
        plans.push(row['QUERY PLAN'][0].Plan);
        return [];
      },
    };
    await new AuditRecords(explaining as unknown as DataSource).list(
      { limit: 50, ...filter },
      { tenantIds: [], groups: ['mine'] },
    );
    expect(plans.map(entriesRead)[0]).toBeLessThan(500);
  });
});

/** 10,000 entries of tenants of others, and one of each of 100 own tenants, which are the oldest. */
async function insertFleet(): Promise<void> {
  const [{ exists }] = await catalog.query(`SELECT EXISTS (SELECT FROM tenants WHERE slug = 'mine-1')`);
  if (exists) return;
  await catalog.query(`
    INSERT INTO tenants (slug, isolation, groups)
      SELECT kind || '-' || n, 'row', ARRAY[kind] FROM unnest(ARRAY['mine', 'others']) kind, generate_series(1, 100) n;
    INSERT INTO audit_log (actor, action, subject_kind, subject_id, subject)
      SELECT 'test', 'tenant.change', 'tenant', id::text, slug FROM tenants WHERE groups = '{mine}';
    INSERT INTO audit_log (actor, action, subject_kind, subject_id, subject)
      SELECT 'test', 'tenant.change', 'tenant', id::text, slug FROM tenants, generate_series(1, 100) WHERE groups = '{others}';
    ANALYZE tenants, audit_log`);
}

/** A node of EXPLAIN's JSON. */
interface PlanNode {
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** Rows of the log that a plan has looked at, those that it has filtered out included. */
function entriesRead(node: PlanNode): number {
  const rows = (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'];
  const own = node['Relation Name'] === 'audit_log' ? rows : 0;
  return (node.Plans ?? []).reduce((sum, child) => sum + entriesRead(child), own);
}

describe('the actor of an entry', () => {
  async function insertOperator(name: string, revokedAt: string | null): Promise<string> {
    const id = randomUUID();
    await catalog.query(
      `INSERT INTO operators (id, name, role, created_at, revoked_at) VALUES ($1, $2, 'viewer', now() - interval '1 h', $3)`,
      [id, name, revokedAt],
    );
    return id;
  }

  it('is told from others that had its name before, also in entries of former releases', async () => {
    await undoMigrationsFrom(catalog, AuditedTenants1786000000000);
    const tenant = await insertTenant('actors');
    const former = await insertOperator('carla', null);
    await record('tenant.suspend', 'tenant', tenant, 'actors', 'carla');
    await catalog.query('UPDATE operators SET revoked_at = clock_timestamp() WHERE id = $1', [former]);
    const later = randomUUID();
    await catalog.query(
      `INSERT INTO operators (id, name, role, created_at) VALUES ($1, 'carla', 'viewer', clock_timestamp())`,
      [later],
    );
    await record('tenant.resume', 'tenant', tenant, 'actors', 'carla');
    await record('tenant.change', 'tenant', tenant, 'actors', 'admin key');
    await catalog.runMigrations();
    const { items } = await new AuditRecords(catalog).list({ subject: 'actors', limit: 10 });
    expect(items.map(({ actor, actorId }) => [actor, actorId])).toEqual([
      ['admin key', null],
      ['carla', later],
      ['carla', former],
    ]);
  });
});
