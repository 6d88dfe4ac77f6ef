import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { QueryRunner } from 'typeorm';
import { adoptTenantTable, TableNotAdoptedError } from '../../../src/index.js';
import { AdoptedApp } from '../../support/adoption/adopted-app.js';
import { AdoptionRig } from '../../support/adoption/adoption-rig.js';
import { guideCommand } from '../../support/adoption/guide-commands.js'; // docs/guides/adopting.md
import { shopSql } from '../../support/adoption/shop.js';
import { Company, Customer, OrderLine, ShopOrder } from '../../support/adoption/shop.entities.js';
import { catalogSnapshot, rowHashes } from '../../support/adoption/snapshot.js';
import { asSuperuser, type TestDatabase, testServer } from '../../support/postgres/postgres.js';

const OLD_ROLE_PASSWORD = 'of-the-former-application';

let rig: AdoptionRig;
let shop: TestDatabase;
let owner: pg.Client;
/** The existing application, which connects as a role that owns nothing. */
let former: pg.Client;

beforeAll(async () => {
  rig = await AdoptionRig.create();
  shop = await rig.existing(shopSql(3));
  await asSuperuser(
    shop.name,
    `CREATE ROLE ${shop.name}_old LOGIN PASSWORD '${OLD_ROLE_PASSWORD}';
     GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${shop.name}_old;
     GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${shop.name}_old`,
  );
  owner = await rig.owner(shop);
  const { host, port } = testServer();
  former = new pg.Client({ host, port, user: `${shop.name}_old`, password: OLD_ROLE_PASSWORD, database: shop.name });
  await former.connect();
});
afterAll(async () => {
  await owner.end();
  await former.end();
  await rig.drop();
  await asSuperuser('postgres', `DROP ROLE ${shop.name}_old`);
});

const findings = (stdout: string): readonly { verdict: string; check: string; message: string }[] =>
  (JSON.parse(stdout) as { findings: { verdict: string; check: string; message: string }[] }).findings;

/** What the existing application does all day. @returns the id of the order */
async function trade(company: number, number: string): Promise<number> {
  const customer = await former.query<{ id: number }>(
    `INSERT INTO customers (company_id, email) VALUES ($1, $2) ON CONFLICT (company_id, email) DO UPDATE SET country = 'fr' RETURNING id`,
    [company, 'c1@example.com'],
  );
  const order = await former.query<{ id: number }>(
    'INSERT INTO orders (company_id, customer_id, number) VALUES ($1, $2, $3) RETURNING id',
    [company, customer.rows[0]?.id, number],
  );
  const id = order.rows[0]?.id ?? 0;
  await former.query(
    `INSERT INTO orders (id, company_id, number) VALUES ($1, $2, 'x') ON CONFLICT (id) DO UPDATE SET total = 9`,
    [id, company],
  );
  await former.query(`INSERT INTO order_lines VALUES ($1, 1, 'Added')`, [id]);
  return id;
}

describe('the command line, for an application whose tenants share tables', () => {
  it('refuses what has no tenant or crosses tenants, names it, and changes nothing', async () => {
    await owner.query(`ALTER TABLE customers ALTER COLUMN company_id DROP NOT NULL;
      INSERT INTO customers (company_id, email) VALUES (NULL, 'lost@example.com');
      UPDATE orders SET customer_id = (SELECT max(id) FROM customers WHERE company_id = 3) WHERE company_id = 1 AND number LIKE 'O-1-%'`);
    const before = await catalogSnapshot(owner);
    const plan = await rig.succeed(...guideCommand('adopt --layout row', shop.name));
    expect(plan.stdout).toContain('refused: customers 1 rows have no tenant: company_id is null');
    expect(plan.stdout).toContain(
      'refused: orders 4 rows refer by orders_customer_id_fkey to a row of another tenant in customers',
    );
    expect(plan.stdout).toContain('attention: customers company_id may be null');
    expect(rig.file('report.md')).toMatch(/\*\*countries\*\* has neither .* customers refer to it/);
    const run = await rig.cli('adopt', 'run', '--json');
    expect(run.code).toBe(1);
    expect(run.error.error.code).toBe('ADOPTION_REFUSED');
    expect(await catalogSnapshot(owner)).toEqual(before);
    await owner.query(`DELETE FROM customers WHERE company_id IS NULL; ALTER TABLE customers ALTER COLUMN company_id SET NOT NULL;
      UPDATE orders SET customer_id = NULL WHERE company_id = 1 AND number LIKE 'O-1-%'`);
  });

  it('refuses ids that are not those of the rows, and changes nothing', async () => {
    const query = 'SELECT id AS key, slug, gen_random_uuid() AS id FROM companies';
    const command = ['--layout', 'row', '--database', shop.name, '--tenant-column', 'company_id', '--tenants', query];
    const plan = await rig.cli('adopt', ...command, '--folder', 'other', '--json');
    expect(plan.code).toBe(1);
    expect(plan.error.error).toMatchObject({
      code: 'ADOPTED_TENANTS',
      message: expect.stringContaining('not those that follow from their keys: 1 (company-1), 2 (company-2)'),
    });
  });

  it('refuses a migration that meets a table which is not adopted, and names the command', async () => {
    const query = async (text: string, values: unknown[]) => (await owner.query(text, values)).rows as unknown[];
    const runner = { query } as unknown as QueryRunner;
    const adopting = adoptTenantTable(runner, 'orders', {
      from: { column: 'company_id' },
      columns: { id: 'integer NOT NULL', company_id: 'integer NOT NULL' },
    });
    await expect(adopting).rejects.toThrow(TableNotAdoptedError);
    await expect(adopting).rejects.toThrow('table orders exists and has no tenant_id. Adopt it first: tenantry adopt');
  });

  it('adopts them while the application goes on, takes it back, serves the tenants, and finishes', async () => {
    const before = await catalogSnapshot(owner);
    await rig.succeed(...guideCommand('adopt --layout row', shop.name));
    const tables = await rig.succeed(...guideCommand('adopt run'), '--json');
    expect(JSON.parse(tables.stdout)).toEqual({ places: 1, registered: 0, hasMigration: false });

    rig.registerMigration();
    rig.use(Company, Customer, ShopOrder, OrderLine);
    await trade(1, 'while adopted');
    await owner.query(`INSERT INTO companies (id, name, slug) VALUES (4, 'Late Ltd.', 'late')`);
    expect(JSON.parse((await rig.succeed('adopt', 'run', '--json')).stdout)).toMatchObject({ registered: 4 });
    expect(findings((await rig.cli('doctor', '--json')).stdout).filter(({ verdict }) => verdict === 'fail')).toEqual(
      [],
    );

    const rows = await rowHashes(owner, 'public');
    await rig.succeed(...guideCommand('adopt undo'), '--yes');
    expect(await catalogSnapshot(owner)).toEqual(before);
    const { 'public.schema_migrations': _record, ...adopted } = rows;
    expect(await rowHashes(owner, 'public')).toEqual(adopted);
    expect((await rig.succeed('tenants', '--json')).json.items).toEqual([]);

    await rig.succeed('adopt', 'run');
    const app = await AdoptedApp.start(rig, ShopOrder);
    try {
      const [first, late] = [await app.callerOf('company-1'), await app.callerOf('late')];
      expect(await first.rows()).toHaveLength(21);
      expect(await late.rows()).toEqual([]);
      expect(await late.add({ companyId: 4, number: 'new' })).toBe(201);
      expect(await late.add({ companyId: 1, number: 'foreign' })).toBeGreaterThanOrEqual(400);
      expect(await late.rows()).toHaveLength(1);
      expect(await former.query('SELECT FROM orders')).toMatchObject({ rowCount: 62 });
      await trade(2, 'beside the new application');

      await rig.succeed(...guideCommand('adopt finish'), '--yes');
      expect(findings((await rig.cli('doctor', '--json')).stdout).filter(({ verdict }) => verdict === 'fail')).toEqual(
        [],
      );
      expect(await first.rows()).toHaveLength(21);
      expect(await late.add({ companyId: 4, number: 'after' })).toBe(201);
      expect((await former.query('SELECT FROM orders')).rowCount).toBe(0);
      await expect(
        owner.query(`INSERT INTO orders (id, company_id, number) VALUES (1, 1, 'y') ON CONFLICT (id) DO NOTHING`),
      ).rejects.toThrow(/ON CONFLICT/);
    } finally {
      await app.stop();
    }
    const finished = await rig.cli('adopt', 'undo', '--yes', '--json');
    expect(finished.error.error.code).toBe('ADOPTION_STATE');
  });
});
