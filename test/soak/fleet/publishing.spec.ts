import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { PublishReferenceDataKind } from '../../../src/admin/reference-data/publish-reference-data.kind.js';
import { applyRows } from '../../../src/admin/reference-rows/apply-rows.js';
import { TargetDatabases } from '../../../src/admin/targets/target-databases.js';
import { CATALOG } from '../../../src/catalog/catalog-data-source.js';
import type { Tenant } from '../../../src/catalog/model/tenant.js';
import { ReferenceData, TenantConnectionService } from '../../../src/index.js';
import type { OperationRun } from '../../../src/operations/operation-kind.js';
import { OperationRunner } from '../../../src/operations/operation-runner.js';
import { OperationFailedError } from '../../../src/operations/operation.errors.js';
import { AdminClient } from '../../support/admin/admin-client.js';
import { COUNTRIES_FEATURE } from '../../support/host/countries.module.js';
import { ISOLATIONS } from '../../support/isolation/neighbours.js';
import { createTestDatabase } from '../../support/postgres/postgres.js';
import { rootModuleWith } from '../../support/root-module.js';
import { type Json, TestApp } from '../../support/test-app.js';

let app: TestApp;
let admin: AdminClient;
const tenants = new Map<string, Tenant>();

beforeAll(async () => {
  app = await TestApp.over(await createTestDatabase('catalog'), {}, undefined, rootModuleWith(COUNTRIES_FEATURE));
  admin = new AdminClient(app);
  for (const isolation of ISOLATIONS) tenants.set(isolation, await app.provision(isolation, isolation));
});
afterAll(() => app.dispose());

const get = <T>(token: new (...parameters: never[]) => T): T => app.application.nest.get<T>(token);

async function sql<Row>(slug: string, text: string): Promise<Row[]> {
  return (await get(TenantConnectionService).dataSource(tenants.get(slug)!)).query(text);
}

async function countriesOf(slug: string): Promise<Record<string, string>> {
  const rows = await sql<{ code: string; name: string }>(slug, 'SELECT code, name FROM countries ORDER BY code');
  return Object.fromEntries(rows.map(({ code, name }) => [code, name]));
}

const rowsOf = (countries: Record<string, string>): { code: string; name: string }[] =>
  Object.entries(countries).map(([code, name]) => ({ code, name }));

/** Publishes, and waits until the operation has ended. */
async function publish(countries: Record<string, string>): Promise<number> {
  const { operationId, version } = await get(ReferenceData).publish('countries', rowsOf(countries));
  await get(OperationRunner)
    .runToCompletion(operationId)
    .catch((error: unknown) => {
      if (!(error instanceof OperationFailedError)) throw error;
    });
  return version;
}

const operations = () =>
  app.application.nest
    .get<DataSource>(CATALOG)
    .query<{ id: string; status: string; error: { code: string } | null; result: Record<string, unknown> }[]>(
      `SELECT id, status, error, result FROM operations WHERE kind = 'publish-reference-data' ORDER BY created_at DESC`,
    );

describe('ReferenceData.publish()', () => {
  const FIRST = { DE: 'Germany', NL: 'The Netherlands', PT: 'Portugal' };

  it('inserts, updates and deletes rows in every isolation, and leaves rows that are the same', async () => {
    const before = await sql<{ xmin: string }>('schema', `SELECT xmin FROM countries WHERE code = 'DE'`);
    const version = await publish(FIRST);
    for (const isolation of ISOLATIONS) expect(await countriesOf(isolation)).toEqual(FIRST);
    expect(await sql('schema', `SELECT xmin FROM countries WHERE code = 'DE'`)).toEqual(before);
    const { items } = await get(ReferenceData).list();
    expect(items).toMatchObject([{ table: 'countries', version, rows: 3, places: 3, behind: 0, placesBehind: [] }]);
  });

  it('gives tenants that are created later the newest version, one or many', async () => {
    tenants.set('later', await app.provision('later', 'schema'));
    const many = [
      { slug: 'many-1', isolation: 'schema' },
      { slug: 'many-2', isolation: 'database' },
      { slug: 'many-3', isolation: 'row' },
    ];
    const created = await admin.send('POST', '/tenants/bulk', { body: { tenants: many } });
    expect(await admin.ended(created.headers.get('location'))).toMatchObject({ status: 'succeeded' });
    for (const { slug } of many) tenants.set(slug, (await admin.get(`/tenants/${slug}`)).body);
    for (const slug of ['later', 'many-1', 'many-2', 'many-3']) {
      const found = await app.application.nest
        .get<DataSource>(CATALOG)
        .query(
          `SELECT p.version FROM reference_places p JOIN tenants t USING (target_id, schema_name) WHERE t.slug = $1`,
          [slug],
        );
      expect(found).toEqual([{ version: 1 }]);
    }
    expect(await countriesOf('later')).toEqual(FIRST);
  });

  it('changes nothing where rows of tenants refer to a row that goes, and names these tenants', async () => {
    await sql('row', `INSERT INTO suppliers (name, "countryCode") VALUES ('x', 'PT')`);
    const next = { DE: 'Deutschland', NL: 'The Netherlands' };
    const version = await publish(next);
    expect(await countriesOf('row')).toEqual(FIRST);
    for (const slug of ['schema', 'database', 'later']) expect(await countriesOf(slug)).toEqual(next);
    const [operation] = await operations();
    expect(operation).toMatchObject({
      status: 'failed',
      error: { code: 'REFERENCE_DATA_REFUSED' },
      result: { applied: 5, refused: 1, away: 0 },
    });
    const failed = (await admin.get(`/operations/${operation!.id}/tenants?status=failed`)).body.items as Json[];
    const message = `rows of suppliers refer to rows that version ${version} of countries lacks (suppliers_countryCode_fkey)`;
    expect(Object.fromEntries(failed.map(({ slug, error }) => [slug, error.message]))).toEqual({
      'many-3': `${message}: they are not this tenant's, but in the same tables`,
      row: message,
    });
    const { body } = await admin.get('/reference-data');
    expect(body.items).toMatchObject([
      { version, behind: 1, placesBehind: [{ version: version - 1, error: message }] },
    ]);

    await sql('row', 'DELETE FROM suppliers');
    const retried = await admin.send('POST', `/operations/${operation!.id}/retry`);
    expect(await admin.ended(`/admin/v1/operations/${retried.body.id}`)).toMatchObject({ status: 'succeeded' });
    expect(await countriesOf('row')).toEqual(next);
  });

  it('is also a request to the control plane, which answers with an operation', async () => {
    const body = { rows: rowsOf({ DE: 'Germany', IT: 'Italy' }) };
    const accepted = await admin.send('POST', '/reference-data/countries', { body });
    expect(accepted).toMatchObject({ status: 202, body: { kind: 'publish-reference-data' } });
    expect(await admin.ended(accepted.headers.get('location'))).toMatchObject({ status: 'succeeded' });
    for (const isolation of ISOLATIONS) expect(await countriesOf(isolation)).toEqual({ DE: 'Germany', IT: 'Italy' });
  });

  it('never puts an older version over a newer one', async () => {
    const newer = await publish({ DE: 'newest' });
    const catalog = app.application.nest.get<DataSource>(CATALOG);
    const place = await catalog.query<{ id: string; schema: string }[]>(
      `SELECT target_id AS id, schema_name AS schema FROM tenants WHERE slug = 'schema'`,
    );
    const target = await get(TargetDatabases).find(place[0]!.id);
    const older = { table: 'countries', version: newer - 1, rows: JSON.stringify(rowsOf({ DE: 'older' })) };
    const applied = await get(TargetDatabases).use(target, (client) => applyRows(client, place[0]!.schema, older));
    expect(applied).toEqual({ version: newer, former: newer });
    const results: object[] = [];
    await get(PublishReferenceDataKind).steps[0]!.run({
      id: '00000000-0000-4000-8000-000000000000',
      input: { table: 'countries', version: newer - 1, catchUps: 0 },
      signal: new AbortController().signal,
      addResult: async (result: object) => void results.push(result),
    } as unknown as OperationRun<{ table: string; version: number; catchUps: number }>);
    expect(results).toEqual([{ supersededBy: newer }]);
    for (const isolation of ISOLATIONS) expect(await countriesOf(isolation)).toEqual({ DE: 'newest' });
  });

  it('writes a table again that was dropped and made again', async () => {
    const catalog = app.application.nest.get<DataSource>(CATALOG);
    const [place] = await catalog.query<{ id: string; schema: string }[]>(
      `SELECT target_id AS id, schema_name AS schema FROM tenants WHERE slug = 'later'`,
    );
    const target = await get(TargetDatabases).find(place!.id);
    const rows = JSON.stringify(rowsOf({ DE: 'again' }));
    const applied = await get(TargetDatabases).use(target, async (client) => {
      await client.query(`BEGIN; SET LOCAL search_path = ${JSON.stringify(place!.schema)};
        DROP TABLE countries CASCADE; CREATE TABLE countries (code text PRIMARY KEY, name text);
        ALTER TABLE countries ENABLE ROW LEVEL SECURITY; CREATE POLICY reference_select ON countries FOR SELECT USING (true); COMMIT`);
      return applyRows(client, place!.schema, { table: 'countries', version: 1, rows });
    });
    expect(applied).toEqual({ version: 1, former: 0 });
  });

  it.each([
    [[{ code: 'DE' }, { code: 'FR', name: 'x' }], 'all rows must have the same columns'],
    [[], 'expected array to have >=1 items'],
    [[{ code: 'DE', nam: 'x' }], 'countries has no column nam'],
    [[{ name: 'x' }], 'lack code, part of the key'],
    [
      [
        { code: 'DE', name: 'x' },
        { code: 'DE', name: 'y' },
      ],
      'must each have a key',
    ],
    [[{ code: null, name: 'x' }], 'must each have a key'],
    [[{ code: 'DE', name: 'x', number: 'one' }], 'invalid input syntax for type integer'],
  ])('refuses rows that do not fit: %j', async (rows, message) => {
    const error = await get(ReferenceData)
      .publish('countries', rows as never)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'VALIDATION_FAILED' });
    expect(JSON.stringify(error)).toContain(message);
  });

  it('publishes to reference tables only', async () => {
    for (const table of ['suppliers', 'nothing', `countries'; DROP TABLE countries`]) {
      const body = { rows: [{ id: 1 }] };
      const path = `/reference-data/${encodeURIComponent(table)}`;
      expect(await admin.send('POST', path, { body })).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    }
  });
});
