import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { copyObstacles } from '../../../../src/database/copy/tables/copy-obstacles.js';
import type { CopyPlace } from '../../../../src/database/copy/copy-place.js';
import { copyRows } from '../../../../src/database/copy/copy-rows.js';
import { copiedTables } from '../../../../src/database/copy/tables/copied-tables.js';
import { digestRows } from '../../../../src/database/copy/digests.js';
import { CopyRig, isUsable, run, texts } from '../../../support/copy/copy-rig.js';
import { EVERY_TABLE, EVERY_TYPE, EVERY_VALUE } from '../../../support/copy/every-type.js';

const MOVED = randomUUID();
const OTHER = randomUUID();
const signal = new AbortController().signal;

let rig: CopyRig;
let shared: CopyPlace;

beforeAll(async () => {
  rig = await CopyRig.start(EVERY_TYPE);
  shared = await rig.place('shared', { isAlone: false });
  for (const tenant of [OTHER, MOVED]) await run(shared, tenant, EVERY_VALUE);
});

afterAll(() => rig.stop());

async function everything(place: CopyPlace, tenant: string): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const table of EVERY_TABLE) found[table] = await texts(place, table, tenant);
  return found;
}

describe('copying the rows of one tenant', () => {
  it('copies values of every type as they are, from place to place and back, and leaves every other row', async () => {
    const before = await everything(shared, MOVED);
    const neighbour = await everything(shared, OTHER);
    expect(Object.values(before).map((rows) => rows.length)).toEqual([6, 3, 3, 2, 31, 20, 5, 5]);

    const schema = await rig.place('t "own"');
    const database = await rig.place('main', { database: 'second' });
    const otherShared = await rig.place('shared', { database: 'second', isAlone: false });
    await run(otherShared, OTHER, EVERY_VALUE);
    const there = await everything(otherShared, OTHER);
    const steps = [
      [shared, schema],
      [schema, database],
      [database, otherShared],
      [otherShared, schema], // is there already, from the first step
      [schema, shared],
    ] as const;
    for (const [from, to] of steps) {
      expect(await copyObstacles(from, to, MOVED)).toEqual([]);
      const digests = await copyRows(from, to, MOVED, { signal });
      expect(digests.reduce((sum, { rows }) => sum + rows, 0)).toBe(75);
      expect(await everything(to, MOVED)).toEqual(before);
      for (const { client } of [from, to]) expect(await isUsable(client)).toBe(true);
    }
    expect(await everything(shared, OTHER)).toEqual(neighbour);
    expect(await everything(otherShared, OTHER)).toEqual(there);
  });

  it('lists referenced tables before those that refer to them, cycles together, and the keys', async () => {
    const groups = await copiedTables(shared.client, shared.schema);
    const names = groups.map((group) => group.map(({ name }) => name).toSorted());
    expect(names.flat().toSorted()).toEqual(EVERY_TABLE.toSorted());
    expect(names).toContainEqual(['members', 'teams']);
    const order = names.map(([first]) => first);
    expect(order.indexOf('days')).toBeLessThan(order.indexOf('tree'));
    const keys = Object.fromEntries(groups.flat().map(({ name, key }) => [name, key]));
    expect(keys).toMatchObject({
      things: ['tenant_id', 'id'],
      times: ['id'],
      'Quoted "Table"': ['tenant_id', 'the Key'],
    });
    const members = groups.flat().find(({ name }) => name === 'members');
    expect(members?.columns).toEqual(['tenant_id', 'id', 'team']);
  });

  it('tells rows that differ in a single value, and nothing of other tenants', async () => {
    const [tables, place] = [(await copiedTables(shared.client, shared.schema)).flat(), await rig.place('t_digest')];
    await copyRows(shared, place, MOVED, { signal });
    const digests = await digestRows(place, tables, MOVED);
    await run(place, MOVED, `UPDATE numbers SET double = '-0' WHERE double = 5e-324`);
    const changed = await digestRows(place, tables, MOVED);
    const differing = digests.filter(({ hash }, n) => hash !== changed[n]?.hash).map(({ table }) => table);
    expect(differing).toEqual(['numbers']);
    expect(await digestRows(place, tables, OTHER)).toEqual(
      tables.map(({ name }) => ({ table: name, rows: 0, hash: '0' })),
    );
  });

  it('hashes in the transaction of its caller, whose settings it leaves', async () => {
    const { client } = shared;
    const tables = (await copiedTables(client, shared.schema)).flat();
    const outside = await digestRows(shared, tables, MOVED);
    await client.query(`BEGIN; SET LOCAL "DateStyle" = 'SQL, DMY'; SET LOCAL extra_float_digits = 0`);
    try {
      expect(await digestRows(shared, tables, MOVED)).toEqual(outside);
      expect((await client.query('SHOW "DateStyle"')).rows).toEqual([{ DateStyle: 'SQL, DMY' }]);
    } finally {
      await client.query('ROLLBACK');
    }
  });

  it('hashes in one process, also where PostgreSQL would take several', async () => {
    const { client } = shared;
    const launched = async (work: () => Promise<unknown>): Promise<number> => {
      const count = async (): Promise<number> => {
        await client.query('SET debug_parallel_query = off; SELECT pg_stat_force_next_flush()');
        const { rows } = await client.query<{ workers: number }>(
          'SELECT parallel_workers_to_launch::int AS workers FROM pg_stat_database WHERE datname = current_database()',
        );
        return rows[0]!.workers;
      };
      const before = await count();
      await client.query('SET debug_parallel_query = on');
      await work();
      return (await count()) - before;
    };
    const tables = (await copiedTables(client, shared.schema)).flat();
    expect(await launched(() => client.query('SELECT count(*) FROM shared.numbers'))).toBe(1);
    expect(await launched(() => digestRows(shared, tables, MOVED))).toBe(0);
  });

  it('names the table whose copy differs, without values', async () => {
    const place = await rig.place('t_mismatch');
    // As a trigger would that was not disabled.
    await run(
      place,
      MOVED,
      `CREATE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN NEW.note = 'changed'; RETURN NEW; END $f$;
       CREATE TRIGGER changed BEFORE INSERT ON days FOR EACH ROW WHEN (NEW.day = 7) EXECUTE FUNCTION changed()`,
    );
    const copy = copyRows(shared, place, MOVED, { signal });
    await expect(copy).rejects.toMatchObject({ code: 'COPY_MISMATCH', table: 'days', rows: 31, copied: 31 });
    await expect(copy).rejects.toThrow(
      'the copy of table "days" differs: 31 rows at the source, 31 at the destination',
    );
    for (const { client } of [shared, place]) expect(await isUsable(client)).toBe(true);
  });

  it('says which table the destination refuses, without values, and can be run again', async () => {
    const place = await rig.place('t_refusing');
    await run(place, MOVED, `ALTER TABLE tree ADD CONSTRAINT small CHECK (id < 10)`);
    const copy = copyRows(shared, place, MOVED, { signal });
    await expect(copy).rejects.toMatchObject({
      code: 'COPY_REFUSED',
      table: 'tree',
      constraint: 'small',
      sqlState: '23514',
    });
    await copy.catch((error: Error) =>
      expect([error.message, error.cause]).toEqual([expect.not.stringContaining(MOVED), undefined]),
    );
    for (const { client } of [shared, place]) expect(await isUsable(client)).toBe(true);
    await run(place, MOVED, 'ALTER TABLE tree DROP CONSTRAINT small');
    await copyRows(shared, place, MOVED, { signal });
    expect(await everything(place, MOVED)).toEqual(await everything(shared, MOVED));
  });

  it('does not see what is committed at the source after it has begun', async () => {
    const place = await rig.place('t_snapshot');
    const writer = await rig.place('t_late', { ddl: '' });
    let written: Promise<unknown> | undefined;
    const onProgress = (): void => {
      written ??= writer.client.query(
        `INSERT INTO shared.things (tenant_id, id, street) VALUES ('${MOVED}', 99, 'late'); DELETE FROM shared.tree WHERE tenant_id = '${MOVED}' AND id = 1`,
      );
    };
    const before = await everything(shared, MOVED);
    await copyRows(shared, place, MOVED, { signal, onProgress, pace: { maxBytesPerSecond: 1_000_000 } });
    await written;
    expect(await everything(place, MOVED)).toEqual(before);
    expect(await everything(shared, MOVED)).not.toEqual(before);
  });

  it('refuses to copy a place onto itself, where it would remove the rows', async () => {
    const same = { client: await rig.connect(), schema: 'shared', isAlone: false };
    const before = await everything(shared, MOVED);
    await expect(copyRows(shared, same, MOVED, { signal })).rejects.toMatchObject({ code: 'COPY_PLACES' });
    expect(await copyObstacles(shared, same, MOVED)).toEqual(['the source and the destination are the same place']);
    expect(await everything(shared, MOVED)).toEqual(before);
  });
});
