import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bringSequences } from '../../../../src/database/copy/bring-sequences.js';
import type { CopyPlace } from '../../../../src/database/copy/copy-place.js';
import { copyRows } from '../../../../src/database/copy/copy-rows.js';
import { copyObstacles } from '../../../../src/database/copy/tables/copy-obstacles.js';
import { CopyRig, isUsable, run, texts } from '../../../support/copy/copy-rig.js';
import { EVERY_TABLE, EVERY_TYPE, EVERY_VALUE } from '../../../support/copy/every-type.js';

const SOURCE = randomUUID();
const OTHER = randomUUID();
const signal = new AbortController().signal;
/** As tables are that tenants share: no key is unique over all of them. */
const SHARED = EVERY_TYPE.replace('PRIMARY KEY (id))', 'PRIMARY KEY (tenant_id, id))');

let rig: CopyRig;
let shared: CopyPlace;
let same: CopyPlace;

beforeAll(async () => {
  rig = await CopyRig.start(SHARED);
  shared = await rig.place('shared', { isAlone: false });
  same = { ...shared, client: await rig.connect() };
  for (const tenant of [OTHER, SOURCE]) await run(shared, tenant, EVERY_VALUE);
});

afterAll(() => rig.stop());

async function everything(place: CopyPlace, tenant: string): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const table of EVERY_TABLE) {
    found[table] = (await texts(place, table, tenant)).map((text) => text.replace(`(${tenant},`, '(,'));
  }
  return found;
}

describe('copying rows as those of another tenant', () => {
  it('leaves the ids of rows, and every row of other tenants, in the same tables and across places', async () => {
    const before = await everything(shared, SOURCE);
    const neighbour = await everything(shared, OTHER);
    const own = await rig.place('t_own');
    const there = await rig.place('shared', { database: 'second', isAlone: false });
    await run(there, OTHER, EVERY_VALUE);
    const neighbourThere = await everything(there, OTHER);
    const steps = [
      [shared, same, SOURCE],
      [shared, own, SOURCE],
      [own, there, undefined],
      [there, shared, undefined],
    ] as const;
    let last: string = SOURCE;
    for (const [from, to, tenant = last] of steps) {
      const clone = randomUUID();
      expect(await copyObstacles(from, to, tenant, clone)).toEqual([]);
      const digests = await copyRows(from, to, tenant, { signal, asTenant: clone });
      expect(digests.reduce((sum, { rows }) => sum + rows, 0)).toBe(75);
      expect(await everything(to, clone)).toEqual(before);
      for (const { client } of [from, to]) expect(await isUsable(client)).toBe(true);
      last = clone;
    }
    expect(await everything(shared, SOURCE)).toEqual(before);
    expect(await everything(shared, OTHER)).toEqual(neighbour);
    expect(await everything(there, OTHER)).toEqual(neighbourThere);
  });

  it("can be run again, and removes the new tenant's rows only", async () => {
    const clone = randomUUID();
    const before = await everything(shared, SOURCE);
    await copyRows(shared, same, SOURCE, { signal, asTenant: clone });
    await run(
      shared,
      clone,
      `DELETE FROM tree WHERE tenant_id = $t; UPDATE things SET street = 'y' WHERE tenant_id = $t`,
    );
    await copyRows(shared, same, SOURCE, { signal, asTenant: clone });
    expect(await everything(shared, clone)).toEqual(before);
    expect(await everything(shared, SOURCE)).toEqual(before);
  });

  it('finds that a copy differs', async () => {
    const place = await rig.place('t_differs');
    await run(
      place,
      SOURCE,
      `CREATE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN NEW.note = 'changed'; RETURN NEW; END $f$;
       CREATE TRIGGER changed BEFORE INSERT ON days FOR EACH ROW WHEN (NEW.day = 7) EXECUTE FUNCTION changed()`,
    );
    await expect(copyRows(shared, place, SOURCE, { signal, asTenant: randomUUID() })).rejects.toMatchObject({
      code: 'COPY_MISMATCH',
      table: 'days',
    });
  });

  it('names the indexes that are unique over all tenants, where both have the same tables', async () => {
    const unique = await rig.place('unique', { isAlone: false, ddl: EVERY_TYPE });
    const again = { ...unique, client: await rig.connect() };
    await run(unique, SOURCE, EVERY_VALUE);
    await run(unique, SOURCE, 'CREATE UNIQUE INDEX "all" ON things (id) INCLUDE (tenant_id)');
    await run(unique, SOURCE, 'CREATE UNIQUE INDEX "some" ON things (id) WHERE id > 9');
    const refusal = (index: string, table: string) =>
      `index "${index}" of table "${table}" is unique without tenant_id`;
    const obstacles = await copyObstacles(unique, again, SOURCE, randomUUID());
    expect(obstacles.toSorted()).toEqual([refusal('all', 'things'), refusal('times_pkey', 'times')]);
    expect(await copyObstacles(unique, again, randomUUID(), randomUUID())).toEqual([]); // without rows, none is double
    await run(unique, SOURCE, 'DROP INDEX "all"');
    await expect(copyRows(unique, again, SOURCE, { signal, asTenant: randomUUID() })).rejects.toMatchObject({
      code: 'COPY_REFUSED',
      constraint: 'times_pkey',
    });
  });

  it('brings sequences past what was copied, and leaves those that both places have', async () => {
    const own = await rig.place('t_sequences');
    const next = async ({ client, schema }: CopyPlace): Promise<unknown> =>
      (await client.query(`SELECT last_value, is_called FROM ${schema}.numbers_nr_seq`)).rows;
    const before = await next(shared);
    await copyRows(shared, own, SOURCE, { signal, asTenant: randomUUID() });
    await bringSequences(shared, own);
    expect(await next(own)).toEqual(before);
    await bringSequences(shared, same);
    expect(await next(shared)).toEqual(before);
  });

  it('refuses the same place for the same tenant, or for one that is to be alone there', async () => {
    const before = await everything(shared, SOURCE);
    const expected = { code: 'COPY_PLACES' };
    await expect(copyRows(shared, same, SOURCE, { signal, asTenant: SOURCE })).rejects.toMatchObject(expected);
    const alone = { ...same, isAlone: true };
    await expect(copyRows(shared, alone, SOURCE, { signal, asTenant: OTHER })).rejects.toMatchObject(expected);
    expect(await copyObstacles(shared, alone, SOURCE, OTHER)).toEqual([
      'the source and the destination are the same place',
    ]);
    expect(await everything(shared, SOURCE)).toEqual(before);
  });
});
