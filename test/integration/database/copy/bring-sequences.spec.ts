import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { bringSequences } from '../../../../src/database/copy/bring-sequences.js';
import type { CopyPlace } from '../../../../src/database/copy/copy-place.js';
import { afterStatement } from '../../../support/copy/after-statement.js';
import { CopyRig, run } from '../../../support/copy/copy-rig.js';

const TENANT = randomUUID();
const DDL = `CREATE SEQUENCE "by default" START 5;
  CREATE TABLE a (tenant_id uuid NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY, nr serial, down int, PRIMARY KEY (tenant_id, id),
    other bigint DEFAULT nextval('"by default"'));
  CREATE SEQUENCE down INCREMENT -5 OWNED BY a.down; CREATE SEQUENCE unrelated`;
const NAMES = ['a_id_seq', 'a_nr_seq', 'by default', 'down', 'unrelated'];

let rig: CopyRig;
let number = 0;

beforeAll(async () => {
  rig = await CopyRig.start(DDL);
});

afterAll(() => rig.stop());

async function places(isAlone: boolean): Promise<{ from: CopyPlace; to: CopyPlace }> {
  number += 1;
  return {
    from: await rig.place(`from_${number}`),
    to: await rig.place(`to_${number}`, { isAlone, database: 'second' }),
  };
}

/** The next value of each sequence, without taking it. */
async function next({ client, schema }: CopyPlace): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const name of NAMES) {
    const { rows } = await client.query<{ next: number }>(
      `SELECT (last_value + CASE WHEN is_called THEN seqincrement ELSE 0 END)::float8 AS next
       FROM ${schema}."${name}", pg_sequence WHERE seqrelid = '${schema}."${name}"'::regclass`,
    );
    found[name] = rows[0]?.next ?? NaN;
  }
  return found;
}

describe('sequences of copied columns', () => {
  it.each([
    ['a place of its own', true],
    ['tables that are shared', false],
  ])('are advanced in %s to where they are at the source', async (_where, isAlone) => {
    const { from, to } = await places(isAlone);
    await run(
      from,
      TENANT,
      `SELECT setval('a_id_seq', 1000), setval('a_nr_seq', 20, false), setval('"by default"', 7), setval('down', -51), setval('unrelated', 9)`,
    );
    await bringSequences(from, to);
    expect(await next(to)).toEqual({ ...(await next(from)), unrelated: 1 });
    await bringSequences(from, to);
    expect(await next(to)).toEqual({ a_id_seq: 1001, a_nr_seq: 20, 'by default': 8, down: -56, unrelated: 1 });
  });

  it.each([true, false])('never go back (alone: %s)', async (isAlone) => {
    const { from, to } = await places(isAlone);
    await run(
      to,
      TENANT,
      `SELECT setval('a_id_seq', 1000), setval('a_nr_seq', 20, false), setval('"by default"', 7), setval('down', -51)`,
    );
    const before = await next(to);
    await run(
      from,
      TENANT,
      `SELECT setval('a_id_seq', 999), setval('a_nr_seq', 19), setval('"by default"', 7, false), setval('down', -50)`,
    );
    await bringSequences(from, to);
    expect(await next(to)).toEqual(before);
  });

  it('take values that others do not get, while these take values, however far the sequence is behind', async () => {
    const { from, to } = await places(false);
    const neighbour = await rig.connect('second');
    const values: string[] = [];
    const done = new AbortController();
    const taking = (async () => {
      while (!done.signal.aborted) {
        const { rows } = await neighbour.query<{ id: string }>(`SELECT nextval('${to.schema}.a_id_seq') AS id`);
        values.push(rows[0]?.id ?? '');
      }
    })();
    try {
      for (const value of ['5000', '300000', '90000000000']) {
        await run(from, TENANT, `SELECT setval('a_id_seq', ${value})`);
        await bringSequences(from, to);
        expect((await next(to))['a_id_seq']).toBeGreaterThan(Number(value));
      }
    } finally {
      done.abort();
      await taking;
    }
    expect(new Set(values).size).toBe(values.length);
    expect(values.map(Number)).toEqual(values.map(Number).toSorted((a, b) => a - b));
  });

  it('are not set back when others have passed the source since they were compared', async () => {
    const { from, to } = await places(false);
    const neighbour = await rig.connect('second');
    const values: string[] = [];
    const pass = async (): Promise<void> => {
      const sql = `SELECT nextval('${to.schema}.a_id_seq') AS id FROM generate_series(1, 30)`;
      values.push(...(await neighbour.query<{ id: string }>(sql)).rows.map(({ id }) => id));
    };
    // Read after 30 values were taken, which is when the first sequence is compared, and before 60 are.
    await run(from, TENANT, `SELECT setval('a_id_seq', 45)`);
    await bringSequences(from, { ...to, client: afterStatement(to.client, 'SELECT last_value', pass) });
    expect(values.length).toBeGreaterThan(30);
    expect(new Set(values).size).toBe(values.length);
  });
});
