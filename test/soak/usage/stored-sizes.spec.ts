import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { StoredSizes } from '../../../src/admin/stored-sizes/stored-sizes.js';
import { type Json, TestApp, type TestTenant } from '../../support/test-app.js';
import { AdminClient } from '../../support/admin/admin-client.js';
import { asSuperuser } from '../../support/postgres/postgres.js';

const TENANTS = 50_000;
const ROWS_EACH = 10;

let app: TestApp;
let admin: AdminClient;
let first: TestTenant;
let database: string;

beforeAll(async () => {
  app = await TestApp.start();
  admin = new AdminClient(app);
  first = await app.provision('tenant-0', 'row');
  ({ database } = (await admin.get('/tenants/tenant-0')).body);
  await app.database.admin(
    `INSERT INTO tenants (id, slug, status, isolation, target_id, schema_name, schema_version, migration_set, limits, version)
     SELECT gen_random_uuid(), 'tenant-' || n, status, isolation, target_id, schema_name, schema_version, migration_set, '{}', 1
     FROM tenants, generate_series(1, $1) n WHERE slug = 'tenant-0'`,
    [TENANTS - 1],
  );
  const ids = (await app.database.admin<{ id: string }>('SELECT id FROM tenants ORDER BY id')).map(({ id }) => id);
  await asSuperuser(
    database,
    `INSERT INTO ${schemaOf()}.customers (tenant_id, id, name, email)
     SELECT t, gen_random_uuid(), repeat('n', 50), n || '@example.org' FROM unnest($1::uuid[]) t, generate_series(1, $2) n`,
    [ids, ROWS_EACH],
  );
}, 600_000);

afterAll(() => app.dispose());

const schemaOf = (): string => `"${first.schema}"`;

it('50,000 tenants of shared tables are measured in one round, while the instance answers', async () => {
  const delays = monitorEventLoopDelay({ resolution: 5 });
  await app.database.admin("UPDATE size_rounds SET next_at = now() - interval '1 second'");
  delays.enable();
  const startedAt = performance.now();
  await app.application.nest.get(StoredSizes).runRound();
  const seconds = (performance.now() - startedAt) / 1_000;
  delays.disable();
  const [sizes] = await app.database.admin<Json>(
    'SELECT count(*)::int AS tenants, min(rows)::int AS least, max(rows)::int AS most, sum(bytes)::float8 AS bytes FROM stored_sizes',
  );
  expect(sizes).toMatchObject({ tenants: TENANTS, least: ROWS_EACH, most: ROWS_EACH });
  const [onDisk] = await asSuperuser<{ bytes: number }>(
    database,
    `SELECT pg_total_relation_size('${schemaOf()}.customers')::float8 AS bytes`,
  );
  expect(sizes.bytes / onDisk!.bytes).toBeGreaterThan(0.7);
  expect(sizes.bytes / onDisk!.bytes).toBeLessThan(1.05);
  console.log(
    `${TENANTS} tenants, ${Math.round(onDisk!.bytes / 1_048_576)} MB: a round of ${seconds.toFixed(1)} s, ` +
      `the event loop late by ${Math.round(delays.max / 1e6)} ms at most`,
  );
}, 300_000);

it('the next round adds no usage for what has not changed on the same day', async () => {
  const [before] = await app.database.admin<Json>('SELECT count(*)::int AS count FROM usage_hours');
  await app.database.admin("UPDATE size_rounds SET next_at = now() - interval '1 second'");
  await app.application.nest.get(StoredSizes).runRound();
  const [after] = await app.database.admin<Json>('SELECT count(*)::int AS count FROM usage_hours');
  expect([before.count, after.count]).toEqual([TENANTS, TENANTS]);
}, 300_000);
