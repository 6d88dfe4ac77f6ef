import { randomInt, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CopyMismatchError, CopyPlacesError } from '../../../../../src/database/copy/copy.errors.js';
import { TenantGate } from '../../../../../src/database/gates/tenant-gate.js';
import { CopyRig, isUsable, run, texts } from '../../../../support/copy/copy-rig.js';
import { InterruptedCopy } from '../../../../support/copy/interrupted-copy.js';
import { notedChanges } from '../../../../support/copy/noted-changes.js';
import { randomChange, SHOP } from '../../../../support/copy/shop-tables.js';
import { seededRandom } from '../../../../support/statements/seeded-random.js';

const SEED = Number(process.env['COPY_SEED'] ?? randomInt(2 ** 31));
const ITEMS = `CREATE TABLE items (tenant_id uuid NOT NULL, id int, v text, PRIMARY KEY (tenant_id, id))`;
const THOUSAND = `INSERT INTO items SELECT $t, n, 'value ' || n FROM generate_series(1, 1000) n`;
const RANGES = { rangeRows: 100 };

let rig: CopyRig;

beforeAll(async () => {
  rig = await CopyRig.start('');
});
afterAll(() => rig.stop());

async function expectEqual(copy: InterruptedCopy): Promise<void> {
  expect(await copy.digests(copy.to)).toEqual(await copy.digests(copy.from));
}

const recorded = async ({ to }: InterruptedCopy): Promise<unknown[]> =>
  (
    await to.client.query('SELECT relation, up_to, rows::int FROM tenantry_isolation.copied WHERE schema = $1', [
      to.schema,
    ])
  ).rows;

describe('a copy whose connections are killed', () => {
  it('goes on at the range where it was, and does not write again what was committed', async () => {
    const copy = await InterruptedCopy.start(rig, THOUSAND, { ddl: ITEMS });
    expect(await copy.killAfter([4, 'rows'], RANGES)).toBe(true);
    const before = await copy.writers('items');
    expect(before.size).toBe(400);
    expect(await recorded(copy)).toEqual([{ relation: 'items', up_to: { id: '400' }, rows: 400 }]);
    expect(await copy.finish(RANGES)).toEqual({ first: 500, last: 1000 });
    const after = await copy.writers('items');
    expect([...before].filter(([row, writer]) => after.get(row) !== writer)).toEqual([]);
    expect(new Set(after.values()).size).toBe(10);
    await expectEqual(copy);
    for (const { client } of [copy.from, copy.to]) expect(await isUsable(client)).toBe(true);
  });

  it('brings unique values that were exchanged meanwhile, with rows that refer to theirs and are not copied yet', async () => {
    const ddl = `
      CREATE TABLE users (tenant_id uuid NOT NULL, id int, position int NOT NULL,
        PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, position));
      CREATE TABLE visits (tenant_id uuid NOT NULL, id int, user_id int NOT NULL, PRIMARY KEY (tenant_id, id),
        FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id))`;
    const rows = `INSERT INTO users SELECT $t, n, n FROM generate_series(1, 10) n;
      INSERT INTO visits SELECT $t, n, 1 + n % 10 FROM generate_series(1, 300) n`;
    const copy = await InterruptedCopy.start(rig, rows, { ddl });
    expect(await copy.killAfter([2, 'rows'], RANGES)).toBe(true);
    expect(await recorded(copy)).toMatchObject([{ relation: 'users' }, { relation: 'visits', up_to: { id: '100' } }]);
    await copy.change(`INSERT INTO visits SELECT $t, n, 1 FROM generate_series(1001, 1010) n;
      UPDATE users SET position = -1 WHERE id = 1; UPDATE users SET position = 1 WHERE id = 2;
      UPDATE users SET position = 2 WHERE id = 1`);
    await copy.finish(RANGES);
    await expectEqual(copy);
  });

  it('copies nothing again when it had ended, and brings what has changed since', async () => {
    const copy = await InterruptedCopy.start(rig, THOUSAND, { ddl: ITEMS });
    await copy.finish(RANGES);
    const before = await copy.writers('items');
    await copy.change(`UPDATE items SET v = 'x' WHERE tenant_id = $t AND id = 7; DELETE FROM items WHERE id = 8`);
    expect(await copy.finish(RANGES)).toEqual({ first: 0, last: 0 });
    const after = await copy.writers('items');
    expect([...before].filter(([row, writer]) => after.get(row) !== writer)).toHaveLength(2);
    expect(after.size).toBe(999);
    await expectEqual(copy);
  });

  it('begins from nothing for another copy, and after its position was removed with the gate', async () => {
    const copy = await InterruptedCopy.start(rig, THOUSAND, { ddl: ITEMS });
    await copy.killAfter([4, 'rows'], RANGES);
    expect(await copy.finish(RANGES, randomUUID())).toEqual({ first: 100, last: 1000 });
    await expectEqual(copy);
    await new TenantGate(copy.to.client, copy.tenantId, copy.to.schema).remove();
    expect(await recorded(copy)).toEqual([]);
  });

  it('begins from nothing when the key is another one by now', async () => {
    const copy = await InterruptedCopy.start(rig, THOUSAND, { ddl: ITEMS });
    await copy.killAfter([4, 'rows'], RANGES);
    for (const place of [copy.from, copy.to]) {
      await run(
        place,
        copy.tenantId,
        'ALTER TABLE items DROP CONSTRAINT items_pkey, ADD PRIMARY KEY (tenant_id, v, id)',
      );
    }
    expect((await copy.finish(RANGES)).last).toBe(1000);
    await expectEqual(copy);
  });

  it.each([
    ['that was lost', `DELETE FROM items WHERE tenant_id = $t AND id = 50`],
    ['that was changed', `UPDATE items SET v = 'other' WHERE tenant_id = $t AND id = 50`],
    ['too many', `INSERT INTO items VALUES ($t, -1, 'other')`],
  ])('finds a row %s at the destination between two attempts', async (_what, sql) => {
    const copy = await InterruptedCopy.start(rig, THOUSAND, { ddl: ITEMS });
    await copy.killAfter([4, 'rows'], RANGES);
    await run(copy.to, copy.tenantId, sql);
    await expect(copy.finish(RANGES)).rejects.toThrow(CopyMismatchError);
  });

  it('copies a table whose rows refer to later ones as a whole', async () => {
    const ddl = `CREATE TABLE tree (tenant_id uuid NOT NULL, id int, parent int, PRIMARY KEY (tenant_id, id),
      FOREIGN KEY (tenant_id, parent) REFERENCES tree)`;
    const rows = 'INSERT INTO tree SELECT $t, n, CASE WHEN n < 300 THEN n + 1 END FROM generate_series(1, 300) n';
    const copy = await InterruptedCopy.start(rig, rows, { ddl });
    expect(await copy.killAfter([1, 'rows'], RANGES)).toBe(true);
    const before = await copy.writers('tree');
    expect(before.size).toBe(300);
    await copy.finish(RANGES);
    expect(await copy.writers('tree')).toEqual(before);
    await expectEqual(copy);
  });

  it('leaves rows of other tenants, and their notes', async () => {
    const copy = await InterruptedCopy.start(rig, THOUSAND, { ddl: ITEMS, isFromAlone: true });
    const other = randomUUID();
    await run(copy.to, other, THOUSAND);
    await copy.killAfter([4, 'rows'], RANGES);
    await copy.finish(RANGES);
    expect(await texts(copy.to, 'items', other)).toHaveLength(1000);
    expect(await notedChanges(copy.from, copy.tenantId)).toBe(0);
    await expectEqual(copy);
  });

  it('refuses a table without a key, whose changes are not noted', async () => {
    const copy = await InterruptedCopy.start(rig, '', { ddl: 'CREATE TABLE notes (tenant_id uuid NOT NULL, v text)' });
    await expect(copy.finish()).rejects.toThrow(CopyPlacesError);
  });
});

/** The columns of the key, its values for a number, and whether it has ranges. */
const KEYS: readonly (readonly [title: string, key: string, columns: string, value: string, hasRanges?: boolean])[] = [
  ['numbers', 'tenant_id, id', 'id bigint', 'n'],
  ['UUIDs', 'tenant_id, id', 'id uuid', `md5(n::text)::uuid`],
  ['texts of a language', 'tenant_id, id', 'id text COLLATE "de-x-icu"', `chr(65 + n % 50) || 'ß' || md5(n::text)`],
  [
    'texts in the order of their bytes',
    'tenant_id, id',
    'id text COLLATE "C"',
    `chr(65 + n % 50) || E'\\t''\\\\' || md5(n::text)`,
  ],
  ['several columns', 'tenant_id, a, id', 'a varchar(3) COLLATE "en-x-icu", id int', `chr(97 + n % 3), n`],
  [
    'a tenant in the middle',
    'a, tenant_id, id',
    'a numeric, id bytea',
    `n % 5 / 3.0, decode(md5(n::text), 'hex')`,
    false,
  ],
  ['times', 'tenant_id, at', 'at timestamptz', `'2024-03-31 00:30+00'::timestamptz + n * interval '1.000001 s'`],
  ['enumerated values', 'tenant_id, m, f', 'm mood, f float8', `(enum_range(NULL::mood))[1 + abs(n) % 2], n / 7.0`],
  ['an order downwards', 'tenant_id, id DESC', 'id int', 'n', false],
];

describe.each(KEYS)('a copy of a table whose key has %s', (_title, key, columns, value, hasRanges = true) => {
  const ddl = `CREATE TYPE mood AS ENUM ('ok', 'bad');
    CREATE TABLE things (tenant_id uuid NOT NULL, ${columns}, n int, v text);
    CREATE UNIQUE INDEX ON things (${key});
    ${key
      .split(', ')
      .map((column) => `ALTER TABLE things ALTER ${column.replace(' DESC', '')} SET NOT NULL`)
      .join('; ')}`;
  const insert = (from: number, to: number): string =>
    `INSERT INTO things SELECT $t, ${value}, n, 'v' FROM generate_series(${from}, ${to}) n`;
  /** Keys of half of the rows become those of other numbers, to either side of where the copy stands. */
  const names = columns.split(', ').map((column) => column.split(' ')[0]);
  const move = (n: string, by: number): string =>
    `UPDATE things SET (n, ${names.join(', ')}) = (SELECT n, ${value} FROM (SELECT things.n + ${by} AS n) moved) WHERE tenant_id = $t AND ${n}`;

  it('is right when rows change, move, appear and go between two attempts', async () => {
    const copy = await InterruptedCopy.start(rig, insert(1, 300), { ddl });
    expect(await copy.killAfter(hasRanges ? [5, 'rows'] : [1, 'rows'], { rangeRows: 30 })).toBe(true);
    expect((await copy.writers('things')).size).toBe(hasRanges ? 150 : 300);
    await copy.change(`UPDATE things SET v = 'changed' WHERE tenant_id = $t AND n % 5 = 0;
      DELETE FROM things WHERE tenant_id = $t AND n % 7 = 0; ${move('n % 11 = 0', 1000)}; ${move('n BETWEEN 290 AND 300', -1000)};
      ${insert(2000, 2050)}; DELETE FROM things WHERE tenant_id = $t AND n = 2001`);
    expect(await copy.killAfter([2, 'rows'], { rangeRows: 30 })).toBe(hasRanges);
    await copy.change(`${insert(-20, 0)}; ${move('n BETWEEN 2000 AND 2020', 5000)}`);
    await copy.finish({ rangeRows: 30 });
    await expectEqual(copy);
  });
});

// Each part is read under another snapshot, and rows of all tables change before each of them.
describe(`a copy under many snapshots (COPY_SEED=${SEED})`, () => {
  it('compares both places in the state of the last one', async () => {
    const copy = await InterruptedCopy.start(rig, THOUSAND, { ddl: ITEMS });
    let changes = 0;
    const change = (): Promise<void> =>
      copy.change(`UPDATE items SET v = 'change ${(changes += 1)}' WHERE tenant_id = $t AND id IN (1, 500, 1000)`);
    expect(await copy.killAfter([1_000, 'any'], { ...RANGES, snapshotMs: 0 }, change)).toBe(false);
    expect(changes).toBeGreaterThan(20); // with each range, and each application of changes
    await copy.finish(RANGES);
    await expectEqual(copy);
  });

  it.each([false, true])(
    'has foreign keys and unique values right at any time (from its own place: %s)',
    async (isFromAlone) => {
      const random = seededRandom(SEED);
      const copy = await InterruptedCopy.start(rig, '', { ddl: SHOP, isFromAlone });
      const client = await rig.connect();
      await client.query(`SET search_path = ${copy.from.schema}`);
      let accepted = 0;
      const change = async (): Promise<void> => {
        for (let n = 0; n < 15; n += 1) {
          const sql = randomChange(random).replaceAll('$t', `'${copy.tenantId}'`);
          accepted += await client.query(sql).then(
            () => 1,
            () => 0,
          );
        }
      };
      for (let n = 0; n < 10; n += 1) await change();
      const limits = { rangeRows: 2, snapshotMs: 0 };
      let killed = 0;
      for (let attempt = 0; attempt < 8; attempt += 1) {
        killed += Number(
          await copy.killAfter([2 + Math.floor(random() * 12), attempt % 2 ? 'rows' : 'any'], limits, change),
        );
        await change();
      }
      await copy.finish(limits);
      await expectEqual(copy);
      expect(killed).toBeGreaterThan(2);
      expect(accepted).toBeGreaterThan(100);
    },
  );
});
