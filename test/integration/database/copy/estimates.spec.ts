import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { CopyPlace } from '../../../../src/database/copy/copy-place.js';
import { openTransactions } from '../../../../src/database/copy/estimates/open-transactions.js';
import { sampleRead } from '../../../../src/database/copy/estimates/sample-read.js';
import { tableSizes } from '../../../../src/database/copy/estimates/table-sizes.js';
import { sourceObstacles } from '../../../../src/database/copy/tables/copy-obstacles.js';
import { CopyRig, isUsable, run } from '../../../support/copy/copy-rig.js';

const ID = 'tenant_id uuid NOT NULL, id int NOT NULL, PRIMARY KEY (tenant_id, id)';
const TABLES = `
  CREATE TABLE notes (${ID}, text text);
  CREATE TABLE days (${ID}) PARTITION BY RANGE (id);
  CREATE TABLE days_0 PARTITION OF days FOR VALUES FROM (0) TO (100);
  CREATE TABLE empty (${ID});`;
const TENANT = randomUUID();
const OTHER = randomUUID();
const COUNTED = { exactUpTo: 1_000, timeoutMs: 5_000 };
const FAR = { maxBytes: 64 * 1024 * 1024, maxMs: 60_000 };

let rig: CopyRig;
let shared: CopyPlace;

beforeAll(async () => {
  rig = await CopyRig.start(TABLES);
  shared = await rig.place('shared', { isAlone: false });
  await run(shared, TENANT, `INSERT INTO notes SELECT $t, n, repeat('x', 100) FROM generate_series(1, 2000) n`);
  await run(shared, TENANT, 'INSERT INTO days SELECT $t, n FROM generate_series(1, 50) n');
  await run(shared, OTHER, `INSERT INTO notes SELECT $t, n, 'other' FROM generate_series(1, 3000) n`);
  await shared.client.query('ANALYZE');
});

afterAll(() => rig.stop());

describe("the sizes of a tenant's tables", () => {
  it('are counts up to a limit and estimates above it, of this tenant only', async () => {
    const sizes = await tableSizes(shared, TENANT, COUNTED);
    expect(sizes.toSorted((a, b) => (a.table < b.table ? -1 : 1))).toMatchObject([
      { table: 'days', rows: 50, isEstimated: false },
      { table: 'empty', rows: 0, isEstimated: false, bytes: 0 },
      { table: 'notes', isEstimated: true },
    ]);
    const { rows, bytes } = sizes.find(({ table }) => table === 'notes')!;
    expect(rows).toBeGreaterThan(1_000);
    expect(rows).toBeLessThan(4_000);
    expect(bytes / rows).toBeGreaterThan(40); // 100 characters in two of five rows
    expect(bytes / rows).toBeLessThan(130);
    const exact = await tableSizes(shared, TENANT, { exactUpTo: Infinity, timeoutMs: 0 });
    expect(exact).toContainEqual(expect.objectContaining({ table: 'notes', rows: 2_000, isEstimated: false }));
  });

  it('are those on disk, with partitions and indexes, where it is alone', async () => {
    const [on] = (
      await shared.client.query<{ notes: number; days: number }>(
        `SELECT pg_total_relation_size('shared.notes')::float8 AS notes, pg_total_relation_size('shared.days_0')::float8 AS days`,
      )
    ).rows;
    const sizes = await tableSizes({ ...shared, isAlone: true }, TENANT, COUNTED);
    for (const table of ['notes', 'days'] as const) {
      expect(sizes).toContainEqual(expect.objectContaining({ table, bytes: on![table] }));
    }
  });

  it('are given up after the time limit when a table is locked, and the connection is usable', async () => {
    const other = await rig.connect();
    await other.query('BEGIN; LOCK TABLE shared.notes');
    const sizes = tableSizes(shared, TENANT, { ...COUNTED, timeoutMs: 100 });
    await expect(sizes).rejects.toMatchObject({ code: '57014' });
    await other.query('ROLLBACK');
    expect(await isUsable(shared.client)).toBe(true);
  });
});

describe("a sample of a tenant's rows", () => {
  it('is all of them within the limits, and only theirs', async () => {
    const sizes = await tableSizes(shared, TENANT, COUNTED);
    expect(await sampleRead(shared, TENANT, sizes, FAR)).toMatchObject({ rows: 2_050 });
    expect(await sampleRead(shared, randomUUID(), sizes, FAR)).toMatchObject({ rows: 0, bytes: 0 });
  });

  it('ends at the limit of bytes', async () => {
    const sizes = await tableSizes(shared, TENANT, COUNTED);
    const { rows, bytes } = await sampleRead(shared, TENANT, sizes, { ...FAR, maxBytes: 10_000 });
    expect(rows).toBeGreaterThan(10);
    expect(rows).toBeLessThan(500);
    expect(bytes).toBeGreaterThan(1_000);
  });

  it('ends at the limit of time, also when a table is locked, and the connection is usable', async () => {
    const sizes = await tableSizes(shared, TENANT, COUNTED);
    const other = await rig.connect();
    await other.query('BEGIN; LOCK TABLE shared.notes');
    const sample = await sampleRead(shared, TENANT, sizes, { ...FAR, maxMs: 200 });
    await other.query('ROLLBACK');
    expect(sample.rows).toBe(0);
    expect(sample.ms).toBeGreaterThan(150);
    expect(await isUsable(shared.client)).toBe(true);
  });
});

describe('open transactions', () => {
  it('are those of the database that are under way, whether or not they have written, but not the own one', async () => {
    const [reader, writer, idle] = [await rig.connect(), await rig.connect(), await rig.connect()];
    const elsewhere = await rig.connect('second');
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM shared.notes LIMIT 1');
    await writer.query('BEGIN; DELETE FROM shared.empty');
    await elsewhere.query('BEGIN; SELECT 1');
    const pidOf = async (client: pg.Client): Promise<unknown> =>
      (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
    const pids = [await pidOf(reader), await pidOf(writer)];
    const found = await openTransactions(shared.client);
    expect(found.map(({ pid }) => pid)).toEqual(expect.arrayContaining(pids));
    for (const other of [idle, elsewhere, shared.client]) {
      expect(found.map(({ pid }) => pid)).not.toContain(await pidOf(other));
    }
    expect(found.find(({ pid }) => pid === pids[0])).toMatchObject({ state: 'idle in transaction' });
    for (const client of [reader, writer, elsewhere]) await client.query('ROLLBACK');
    expect((await openTransactions(shared.client)).map(({ pid }) => pid)).not.toContain(pids[0]);
  });
});

describe('the obstacles of a source', () => {
  it('are what it shows without a destination', async () => {
    expect(await sourceObstacles(shared, TENANT)).toEqual([]);
    const ddl = `CREATE TABLE keyless (tenant_id uuid NOT NULL); CREATE TABLE files (${ID}, content oid);
      CREATE TABLE parents (${ID}); CREATE TABLE outside (tenant uuid, parent int, FOREIGN KEY (tenant, parent) REFERENCES parents)`;
    const place = await rig.place('hindered', { ddl });
    await run(place, TENANT, 'INSERT INTO parents VALUES ($t, 1); INSERT INTO outside VALUES ($t, 1)');
    expect(await sourceObstacles(place, TENANT)).toEqual([
      expect.stringContaining('table "keyless" has no primary key'),
      expect.stringContaining('column "content" of table "files" has type oid'),
      expect.stringContaining('hindered.outside has no tenant_id'),
    ]);
  });
});
