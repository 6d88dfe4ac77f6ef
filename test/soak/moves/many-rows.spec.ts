import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import type { CopyPlace } from '../../../src/database/copy/copy-place.js';
import { copyRows } from '../../../src/database/copy/copy-rows.js';
import { CopyRig, isUsable, run, texts } from '../../support/copy/copy-rig.js';
import { soon } from '../../support/load/soon.js';

const MOVED = randomUUID();
const signal = new AbortController().signal;

let rig: CopyRig;

beforeAll(async () => {
  rig = await CopyRig.start('');
});
afterAll(() => rig.stop());

describe('a copy of many rows', () => {
  const ROWS = 20_000;
  const DDL = `CREATE TABLE many (tenant_id uuid NOT NULL, id int, text text, PRIMARY KEY (tenant_id, id))`;
  const MANY = `INSERT INTO many SELECT $t, n, repeat('x', 200) FROM generate_series(1, ${ROWS}) n; ANALYZE many`;

  let source: CopyPlace;

  beforeAll(async () => {
    source = await rig.place('many_source', { ddl: DDL });
    await run(source, MOVED, MANY);
  });

  it('reports how many rows of the estimated ones are copied', async () => {
    const place = await rig.place('many_progress', { ddl: DDL });
    const reports: (readonly [number, number])[] = [];
    await copyRows(source, place, MOVED, { signal, onProgress: (...report) => reports.push(report) });
    expect(reports.length).toBeGreaterThan(5);
    expect(reports.map(([copied]) => copied)).toEqual(reports.map(([copied]) => copied).toSorted((a, b) => a - b));
    expect(reports.at(-1)).toEqual([ROWS, ROWS]);
  });

  it.each([
    ['while rows are sent', { pace: { maxBytesPerSecond: 4_000_000 } }],
    ['while the destination waits for a lock', {}],
  ])('ends at its signal %s, and leaves both connections usable', async (title, limits) => {
    const place = await rig.place(`many_abort_${Object.keys(limits).length}`, { ddl: DDL });
    const blocker = await rig.connect();
    const isBlocked = title.includes('lock');
    const abort = new AbortController();
    const reason = new Error('enough');
    const onProgress = (copied: number): void => void (!isBlocked && copied > 1_000 && abort.abort(reason));
    if (isBlocked) {
      await blocker.query(`BEGIN; LOCK TABLE ${place.schema}.many IN SHARE MODE`); // reads go on, writes wait
    }
    const copy = copyRows(source, place, MOVED, { signal: abort.signal, onProgress, ...limits });
    copy.catch(() => undefined); // awaited below
    if (isBlocked) {
      await soon(async () => {
        const { rows } = await blocker.query(`SELECT FROM pg_locks WHERE NOT granted AND database =
          (SELECT oid FROM pg_database WHERE datname = current_database())`);
        expect(rows).toHaveLength(1);
      });
      abort.abort(reason);
    }
    await expect(copy).rejects.toBe(reason);
    for (const { client } of [source, place]) expect(await isUsable(client)).toBe(true);
    await blocker.query('ROLLBACK');
    expect(await texts(place, 'many', MOVED)).toEqual([]);
    await copyRows(source, place, MOVED, { signal });
    expect(await texts(place, 'many', MOVED)).toHaveLength(ROWS);
  });

  it.each(['source', 'destination'] as const)(
    'ends with an error when the connection to the %s is lost',
    async (lost) => {
      const place = await rig.place(`many_lost_${lost}`, { ddl: DDL });
      const own = { ...source, client: await rig.connect() };
      const doomed = lost === 'source' ? own.client : place.client;
      const { rows } = await doomed.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      let killed: Promise<unknown> | undefined;
      const onProgress = (copied: number): void => {
        if (copied > 1_000) killed ??= rig.databases.first.admin(`SELECT pg_terminate_backend(${rows[0]?.pid})`);
      };
      const copy = copyRows(own, place, MOVED, { signal, onProgress, pace: { maxBytesPerSecond: 4_000_000 } });
      await expect(copy).rejects.toThrow(/connection/);
      await killed;
      expect(await isUsable(lost === 'source' ? place.client : own.client)).toBe(true);
      const again: CopyPlace = { ...place, client: await rig.connect() };
      await copyRows(source, again, MOVED, { signal });
      expect(await texts(again, 'many', MOVED)).toHaveLength(ROWS);
    },
  );

  it('keeps to its rate', async () => {
    const place = await rig.place('many_slow', { ddl: DDL });
    const bytesPerRow = 230;
    const started = performance.now();
    await copyRows(source, place, MOVED, { signal, pace: { maxBytesPerSecond: ROWS * bytesPerRow } });
    expect(performance.now() - started).toBeGreaterThan(950); // a busy machine only takes longer
  });

  it('collects statistics where the tenant is alone', async () => {
    const place = await rig.place('many_statistics', { ddl: DDL });
    await copyRows(source, place, MOVED, { signal });
    const client: pg.Client = place.client;
    const { rows } = await client.query(`SELECT reltuples FROM pg_class WHERE oid = 'many_statistics.many'::regclass`);
    expect(rows).toEqual([{ reltuples: ROWS }]);
  });
});
