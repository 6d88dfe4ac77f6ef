import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import type { DataSource, Repository } from 'typeorm';
import { ConnectionTargetEntity } from '../../../../src/catalog/entities/connection-target.entity.js';
import { TargetDatabases } from '../../../../src/admin/targets/target-databases.js';
import { CATALOG } from '../../../../src/catalog/catalog-data-source.js';
import { findTableProblems } from '../../../../src/database/table-migrations/verification/table-problems.js';
import { TenantryModule, tenantRepositoryToken } from '../../../../src/index.js';
import { checkTenantIsolation, startTestTenancy } from '../../../../src/testing.js';
import { ISOLATIONS } from '../../../support/isolation/neighbours.js';
import { CountriesModule, Country, Supplier } from '../../../support/host/countries.module.js';
import { asSuperuser, testServer } from '../../../support/postgres/postgres.js';

@Module({ imports: [TenantryModule.forRoot({ controlPlane: true }), CountriesModule] })
class HostModule {}

const { host, port, owner, ownerPassword } = testServer();
const start = () =>
  startTestTenancy({
    module: HostModule,
    databaseUrl: `postgres://${owner}:${encodeURIComponent(ownerPassword)}@${host}:${port}/tenantry`,
    tenants: ISOLATIONS.flatMap((isolation) => [
      { slug: isolation, isolation },
      { slug: `${isolation}-2`, isolation },
    ]),
  });

let tenancy: Awaited<ReturnType<typeof start>>;
beforeAll(async () => void (tenancy = await start()));
afterAll(() => tenancy.stop());

const repository = <T extends object>(entity: new () => T): Repository<T> =>
  tenancy.app.get(tenantRepositoryToken(entity), { strict: false });

/** Where a tenant's tables are. */
async function placeOf(slug: string): Promise<{ target: ConnectionTargetEntity; schema: string }> {
  const catalog = tenancy.app.get<DataSource>(CATALOG, { strict: false });
  const [tenant] = await catalog.query<{ id: string; schema: string }[]>(
    'SELECT target_id AS id, schema_name AS schema FROM tenants WHERE slug = $1',
    [slug],
  );
  const target = await tenancy.app.get(TargetDatabases, { strict: false }).find(tenant!.id);
  return { target, schema: tenant!.schema };
}

it('the isolation test takes a reference table for one, and no key to it for one between tenants', async () => {
  expect(await checkTenantIsolation(tenancy.app)).toEqual([]);
});

const HOSTILE = [
  `INSERT INTO countries (code, name) VALUES ('XX', 'x')`,
  `INSERT INTO countries (code, name) VALUES ('DE', 'x') ON CONFLICT (code) DO UPDATE SET name = 'x'`,
  `UPDATE countries SET name = 'x'`,
  'DELETE FROM countries',
  'TRUNCATE countries',
  'SELECT * FROM countries FOR UPDATE',
  'SELECT * FROM countries FOR KEY SHARE',
  'LOCK TABLE countries IN SHARE MODE',
  'ALTER TABLE countries DISABLE ROW LEVEL SECURITY',
  'DROP POLICY reference_select ON countries',
  'CREATE POLICY mine ON countries USING (true)',
  `SELECT setval('countries_number_seq', 1)`,
  `SELECT nextval('countries_number_seq')`,
  `WITH x AS (DELETE FROM countries RETURNING *) SELECT * FROM x`,
  `MERGE INTO countries c USING (SELECT 'DE') s (code) ON c.code = s.code WHEN MATCHED THEN DELETE`,
  'CREATE TRIGGER t BEFORE INSERT ON countries EXECUTE FUNCTION suppress_redundant_updates_trigger()',
];

const asRole = (role: string, schema: string): string =>
  `SET ROLE ${JSON.stringify(role)}; SET search_path = ${JSON.stringify(schema)}`;

describe.each(ISOLATIONS)('a reference table in %s isolation', (isolation) => {
  const as = <T>(work: () => Promise<T>): Promise<T> => tenancy.withTenant(isolation, work);
  const sql = (text: string): Promise<unknown> => as(() => repository(Country).query(text));

  it('is read, joined and referred to by the rows of each tenant', async () => {
    for (const slug of [isolation, `${isolation}-2`]) {
      await tenancy.withTenant(slug, async () => {
        await repository(Supplier).insert({ name: `of ${slug}`, countryCode: 'DE' });
        const [supplier] = await repository(Supplier).find({ relations: { country: true } });
        expect(supplier).toMatchObject({ name: `of ${slug}`, country: { code: 'DE', name: 'Germany' } });
        const country = await repository(Country).findOne({ where: { code: 'DE' }, relations: { suppliers: true } });
        expect(country?.suppliers).toMatchObject([{ name: `of ${slug}` }]);
      });
    }
  });

  it('keeps a row from a country that does not exist', async () => {
    const insert = as(() => repository(Supplier).insert({ name: 'nowhere', countryCode: 'XX' }));
    await expect(insert).rejects.toMatchObject({ driverError: { constraint: 'suppliers_countryCode_fkey' } });
  });

  it('refuses what a repository writes, and names the table', async () => {
    const countries = repository(Country);
    const refused = { code: 'TABLE_READ_ONLY', table: 'countries' };
    const loaded = await as(() => countries.findOneByOrFail({ code: 'DE' }));
    await expect(as(() => countries.insert({ code: 'XX', name: 'Nowhere' }))).rejects.toMatchObject(refused);
    await expect(as(() => countries.save({ ...loaded, name: 'Elsewhere' }))).rejects.toMatchObject(refused);
    await expect(as(() => countries.update({ code: 'DE' }, { name: 'x' }))).rejects.toMatchObject(refused);
    await expect(as(() => countries.delete({ code: 'FR' }))).rejects.toMatchObject(refused);
    await expect(sql(`UPDATE ONLY "countries" SET name = 'x'`)).rejects.toMatchObject(refused);
    expect(await as(() => countries.find({ select: { name: true }, order: { code: 'ASC' } }))).toMatchObject([
      { name: 'Germany' },
      { name: 'France' },
    ]);
  });

  it('lets an entity that one tenant has loaded be used for another', async () => {
    const france = await as(() => repository(Country).findOneByOrFail({ code: 'FR' }));
    const saved = await tenancy.withTenant(`${isolation}-2`, () =>
      repository(Supplier).save({ name: 'shared entity', countryCode: 'FR', country: france }),
    );
    expect(saved.country).toBe(france);
  });

  it('is not changed by its login role, whatever it sends', async () => {
    const { target, schema } = await placeOf(isolation);
    const codes: Record<string, string | undefined> = {};
    for (const text of HOSTILE) {
      const outcome = await asSuperuser(target.database, `${asRole(target.role, schema)}; ${text}`).catch(
        (error: unknown) => error,
      );
      codes[text] = (outcome as { code?: string }).code;
    }
    expect(codes).toEqual(Object.fromEntries(HOSTILE.map((text) => [text, '42501'])));
  });

  it('changes for no login role that was granted everything', async () => {
    const { target, schema } = await placeOf(isolation);
    const grant = `BEGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON ${JSON.stringify(schema)}.countries TO ${JSON.stringify(target.role)};
      ${asRole(target.role, schema)}`;
    const insert = asSuperuser(
      target.database,
      `${grant}; INSERT INTO countries (code, name, number) VALUES ('XX', 'x', 9)`,
    );
    await expect(insert).rejects.toMatchObject({ code: '42501' });
    await asSuperuser(
      target.database,
      `${grant}; UPDATE countries SET name = 'x'; DELETE FROM countries;
       DO $$ BEGIN IF (SELECT string_agg(name, ',' ORDER BY name) FROM countries) <> 'France,Germany' THEN RAISE 'changed'; END IF; END $$;
       ROLLBACK`,
    );
  });

  it('has no problem, unless its policy is another one, or on a table with a tenant_id', async () => {
    const { target, schema } = await placeOf(isolation);
    const targets = tenancy.app.get(TargetDatabases, { strict: false });
    const problemsAfter = (change: string) =>
      targets.use(target, async (client) => {
        await client.query(`BEGIN; SET LOCAL search_path = ${JSON.stringify(schema)}; ${change}`);
        const found = await findTableProblems(client, [schema], { hasTables: true });
        await client.query('ROLLBACK');
        return found.map(({ table, problem }) => `${table}: ${problem}`);
      });
    expect(await problemsAfter('')).toEqual([]);
    expect(await problemsAfter('ALTER TABLE countries DISABLE ROW LEVEL SECURITY')).toEqual([
      'countries: has row-level security disabled',
    ]);
    expect(await problemsAfter(`ALTER POLICY reference_select ON countries USING (code = 'DE')`)).toEqual([
      'countries: has a different condition in its policy reference_select',
    ]);
    expect(await problemsAfter('CREATE POLICY more ON countries FOR UPDATE USING (true)')).toEqual([
      'countries: has an additional policy, more',
    ]);
    expect(await problemsAfter('CREATE POLICY reference_select ON suppliers FOR SELECT USING (true)')).toEqual([
      'suppliers: has an additional policy, reference_select',
    ]);
  });

  it('is searched through an index under its policy, also with an operator that is not leakproof', async () => {
    const { target, schema } = await placeOf(isolation);
    await asSuperuser(
      target.database,
      `${asRole(target.role, schema)}; SET enable_seqscan = off;
       DO $$ DECLARE plan json; BEGIN
         EXECUTE 'EXPLAIN (FORMAT json) SELECT FROM countries WHERE name ~~ ''Fr%'' COLLATE "C"' INTO plan;
         IF plan::text !~ 'Index Cond' THEN RAISE '%', plan; END IF;
       END $$`,
    );
  });
});
