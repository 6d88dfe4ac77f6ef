import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { CopyPlace } from '../../../../src/database/copy/copy-place.js';
import { type MeasureOptions, measureTables, type StoredSize } from '../../../../src/database/sizes/measure-tables.js';
import { storedTables } from '../../../../src/database/sizes/stored-tables.js';
import { CopyRig, run } from '../../../support/copy/copy-rig.js';

const ID = 'tenant_id uuid NOT NULL, id int NOT NULL, PRIMARY KEY (tenant_id, id)';
const TABLES = `
  CREATE TABLE notes (${ID}, text text, "Größe" int);
  CREATE TABLE days (${ID}) PARTITION BY RANGE (id);
  CREATE TABLE days_0 PARTITION OF days FOR VALUES FROM (0) TO (100);
  CREATE TABLE empty (${ID});
  CREATE TABLE countries (code text PRIMARY KEY);`;
const [LARGE, SMALL] = [randomUUID(), randomUUID()];
const WHOLE = { maxPages: Infinity, timeoutMs: 10_000 };

let rig: CopyRig;
let place: CopyPlace;

beforeAll(async () => {
  rig = await CopyRig.start(TABLES);
  place = await rig.place('shared', { isAlone: false });
  await run(place, LARGE, `INSERT INTO notes SELECT $t, n, repeat('x', 100) FROM generate_series(1, 20000) n`);
  await run(place, SMALL, `INSERT INTO notes SELECT $t, n, 'small' FROM generate_series(1, 100) n`);
  await run(place, SMALL, 'INSERT INTO days SELECT $t, n FROM generate_series(1, 50) n');
});

afterAll(() => rig.stop());

async function measured(options: MeasureOptions = WHOLE): Promise<Map<string, StoredSize>> {
  const tables = await storedTables(place.client, place.schema);
  return measureTables(place.client, place.schema, tables, options);
}

async function onDisk(table: string): Promise<number> {
  const { rows } = await place.client.query<{ bytes: number }>('SELECT pg_total_relation_size($1)::float8 AS bytes', [
    `shared.${table}`,
  ]);
  return rows[0]!.bytes;
}

it('is of tables with rows of tenants, and of partitions, alone', async () => {
  const tables = await storedTables(place.client, place.schema);
  expect(tables.map(({ name }) => name)).toEqual(['days_0', 'empty', 'notes']);
  expect(tables.at(-1)).toMatchObject({ fixedBytes: 20, variable: ['text', 'Größe'] });
});

it('is what each tenant has on disk, with its part of the indexes', async () => {
  const sizes = await measured();
  expect([...sizes.keys()].toSorted()).toEqual([LARGE, SMALL].toSorted());
  expect([sizes.get(LARGE)!.rows, sizes.get(SMALL)!.rows]).toEqual([20_000, 150]);
  const share = sizes.get(LARGE)!.bytes / (await onDisk('notes'));
  expect(share).toBeGreaterThan(0.85); // the rest is unused space of pages
  expect(share).toBeLessThanOrEqual(1);
  expect(sizes.get(SMALL)!.bytes / 150).toBeGreaterThan(48); // a row's header, pointer and keys
  expect(sizes.get(SMALL)!.bytes / 150).toBeLessThan(250);
});

it('counts values that are stored outside of their row as they are there, without reading them', async () => {
  const before = (await measured()).get(SMALL)!.bytes;
  await run(
    place,
    SMALL,
    `INSERT INTO notes SELECT $t, 1000, string_agg(md5(n::text), '') FROM generate_series(1, 10000) n`,
  );
  const after = (await measured()).get(SMALL)!.bytes;
  expect(after - before).toBeGreaterThan(250_000);
  await run(place, SMALL, 'DELETE FROM notes WHERE tenant_id = $t AND id = 1000');
});

it('is of one tenant where that is asked for', async () => {
  const [all, one] = [await measured(), await measured({ ...WHOLE, tenantId: SMALL })];
  expect([...one]).toEqual([[SMALL, all.get(SMALL)]]);
});

it('is less as soon as rows are deleted, although the files are as large', async () => {
  const [before, files] = [(await measured()).get(LARGE)!, await onDisk('notes')];
  await run(place, LARGE, 'DELETE FROM notes WHERE tenant_id = $t AND id > 5000');
  const after = (await measured()).get(LARGE)!;
  expect([after.rows, await onDisk('notes')]).toEqual([5_000, files]);
  expect(after.bytes / before.bytes).toBeCloseTo(0.25, 1);
  await run(place, LARGE, `INSERT INTO notes SELECT $t, n, repeat('x', 100) FROM generate_series(5001, 20000) n`);
});

it('is estimated from a sample of the pages of a table that is too large', async () => {
  const { bytes, rows } = (await measured()).get(LARGE)!;
  const estimated = (await measured({ ...WHOLE, maxPages: 100 })).get(LARGE)!;
  expect(estimated.rows).not.toBe(rows);
  expect(estimated.rows / rows).toBeGreaterThan(0.4);
  expect(estimated.rows / rows).toBeLessThan(1.9);
  expect(estimated.bytes / bytes).toBeCloseTo(estimated.rows / rows, 1);
});

it('gives way to a lock, and ends within its time', async () => {
  const other = await rig.connect();
  const tables = await storedTables(place.client, place.schema);
  await other.query('BEGIN; LOCK TABLE shared.notes');
  const locked = measureTables(place.client, place.schema, tables, WHOLE);
  await expect(locked).rejects.toMatchObject({ code: '55P03' });
  await expect(storedTables(place.client, place.schema)).rejects.toMatchObject({ code: '55P03' });
  await other.query('ROLLBACK');
  const late = measureTables(place.client, place.schema, tables, { ...WHOLE, timeoutMs: 1 });
  await expect(late).rejects.toMatchObject({ code: '57014' });
  expect((await measured()).get(SMALL)!.rows).toBe(150);
});
