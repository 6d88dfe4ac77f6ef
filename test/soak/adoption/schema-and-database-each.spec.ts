import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createReferenceTable } from '../../../src/index.js';
import { AdoptedApp } from '../../support/adoption/adopted-app.js';
import { AdoptionRig } from '../../support/adoption/adoption-rig.js';
import { guideCommand } from '../../support/adoption/guide-commands.js';
import { Contact, crmSql, Deal } from '../../support/adoption/crm.js';
import { catalogSnapshot, rowHashes } from '../../support/adoption/snapshot.js';
import { migration } from '../../support/tables/migration-fixture.js';
import type { TestDatabase } from '../../support/postgres/postgres.js';

let rig: AdoptionRig;

beforeAll(async () => {
  rig = await AdoptionRig.create();
});
afterAll(() => rig.drop());

const failures = (stdout: string): readonly unknown[] =>
  (JSON.parse(stdout) as { findings: { verdict: string }[] }).findings.filter(({ verdict }) => verdict === 'fail');

async function snapshotOf(database: TestDatabase, schemas: readonly string[]): Promise<object> {
  const owner = await rig.owner(database);
  try {
    const hashes = await Promise.all(schemas.map((schema) => rowHashes(owner, schema)));
    const rows = Object.fromEntries(
      Object.entries(Object.assign({}, ...hashes) as object).filter(([name]) => !name.endsWith('schema_migrations')),
    );
    return { catalog: await catalogSnapshot(owner), rows };
  } finally {
    await owner.end();
  }
}

/** As the owner: the existing application is none the wiser. */
async function write(database: TestDatabase, schema: string, title: string): Promise<void> {
  const owner = await rig.owner(database);
  await owner.query(
    `INSERT INTO ${schema}.deals (id, contact_id, title) SELECT 1000, id, $1 FROM ${schema}.contacts LIMIT 1 ON CONFLICT (id) DO UPDATE SET title = $1`,
    [title],
  );
  await owner.end();
}

describe('the command line, for an application with a schema per tenant', () => {
  it('adopts the schemas where they are, takes it back, serves the tenants, and finishes', async () => {
    const names = ['tenant_acme', 'tenant_globex'];
    const crm = await rig.existing(
      names.map((name, n) => `CREATE SCHEMA ${name}; SET search_path = ${name}; ${crmSql(n + 2)}`).join(';'),
      'crm',
    );
    const before = await snapshotOf(crm, names);
    await rig.succeed(...guideCommand('adopt --layout schema', crm.name));
    rig.registerMigration();
    rig.use(Contact, Deal);
    expect(JSON.parse((await rig.succeed('adopt', 'run', '--json')).stdout)).toEqual({
      places: 2,
      registered: 2,
      hasMigration: true,
    });
    await rig.succeed('adopt', 'undo', '--yes');
    expect(await snapshotOf(crm, names)).toEqual(before);

    await rig.succeed('adopt', 'run');
    await write(crm, 'tenant_acme', 'while adopted');
    expect(failures((await rig.cli('doctor', '--json')).stdout)).toEqual([]);
    await rig.succeed('adopt', 'finish', '--yes');
    expect(failures((await rig.cli('doctor', '--json')).stdout)).toEqual([]);
    const app = await AdoptedApp.start(rig, Deal);
    try {
      const acme = await app.callerOf('acme');
      expect((await acme.rows()).map(({ title }) => String(title).split(' ')[0])).toEqual([
        'tenant_acme',
        'tenant_acme',
        'while',
      ]);
      const globex = await app.callerOf('globex');
      expect(await globex.rows()).toHaveLength(3);
    } finally {
      await app.stop();
    }
    await rig.succeed('tenants', 'delete', 'globex', '--grace', '0', '--yes');
    const owner = await rig.owner(crm);
    const { rows } = await owner.query(
      `SELECT nspname::text AS name FROM pg_namespace WHERE nspname LIKE 'tenant\\_%' ORDER BY 1`,
    );
    await owner.end();
    expect(rows).toEqual([{ name: 'tenant_acme' }]);
  });
});

describe('the command line, for an application with a database per tenant', () => {
  it('adopts the databases where they are, each with a login role of its own, takes it back, and finishes', async () => {
    const [one, two] = [await rig.existing(crmSql(2), 'store'), await rig.existing(crmSql(4), 'store')];
    const query = `SELECT '${one.name}' AS database, 'Store One' AS slug UNION ALL SELECT '${two.name}', 'two'`;
    const before = [await snapshotOf(one, ['public']), await snapshotOf(two, ['public'])];
    await rig.succeed(
      'adopt',
      '--layout',
      'database',
      '--database',
      one.name,
      '--tenants',
      query,
      '--folder',
      'stores',
    );
    rig.registerMigration('stores');
    expect(JSON.parse((await rig.succeed('adopt', 'run', '--folder', 'stores', '--json')).stdout)).toMatchObject({
      places: 2,
      registered: 2,
    });
    await rig.succeed('adopt', 'undo', '--yes', '--folder', 'stores');
    expect([await snapshotOf(one, ['public']), await snapshotOf(two, ['public'])]).toEqual(before);

    await rig.succeed('adopt', 'run', '--folder', 'stores');
    await write(one, 'public', 'while adopted');
    await rig.succeed('adopt', 'finish', '--yes', '--folder', 'stores');
    const roles = await rig.catalog.admin<{ role: string }>(
      `SELECT role FROM connection_targets WHERE kind = 'dedicated'`,
    );
    expect(new Set(roles.map(({ role }) => role)).size).toBe(2);
    const app = await AdoptedApp.start(rig, Deal);
    try {
      expect(await (await app.callerOf('store-one')).rows()).toHaveLength(3);
      const second = await app.callerOf('two');
      const rows = await second.rows();
      expect(rows).toHaveLength(4);
      expect(await second.add({ contactId: rows[0]?.['contactId'], title: 'new' })).toBe(201);
    } finally {
      await app.stop();
    }
  });
});

describe('a tenant that the existing application adds later', () => {
  it('has the published rows of reference tables when it is served', async () => {
    const crm = rig.databases[0]!;
    rig.addMigration(
      migration('CreateCurrencies1764200000000', (runner) =>
        createReferenceTable(runner, 'currencies', { columns: { code: 'text NOT NULL' }, primaryKey: ['code'] }),
      ),
    );
    await rig.succeed('migrate');
    writeFileSync(join(rig.folder, 'currencies.csv'), 'code\nEUR\nUSD\n');
    await rig.succeed('reference-data', 'publish', 'currencies', '--from', join(rig.folder, 'currencies.csv'));
    const owner = await rig.owner(crm);
    await owner.query(`CREATE SCHEMA tenant_late; SET search_path = tenant_late; ${crmSql(1)}`);
    expect(JSON.parse((await rig.succeed('adopt', 'run', '--json')).stdout)).toMatchObject({ registered: 1 });
    const { rows } = await owner.query('SELECT code FROM tenant_late.currencies ORDER BY code');
    await owner.end();
    expect(rows).toEqual([{ code: 'EUR' }, { code: 'USD' }]);
  });
});
