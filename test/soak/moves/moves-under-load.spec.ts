import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { MovingRig } from '../../support/moves/moving-rig.js';
import { asSuperuser } from '../../support/postgres/postgres.js';

const LONGEST_MS = 10 * 60_000;

let rig: MovingRig;

beforeAll(async () => {
  rig = await MovingRig.start();
});
afterAll(async () => {
  process.stderr.write(`${rig.reports.join('\n')}\n`);
  await rig.stop();
});

const rowsLeft = async (): Promise<number> => {
  const [row] = await asSuperuser<{ rows: number }>(
    `${rig.app.database.name}_shared`,
    `SELECT count(*)::int AS rows FROM shared.customers WHERE tenant_id = '${rig.tenantId}'`,
  );
  return row!.rows;
};

it.each(['schema', 'database', 'row'] as const)(
  'a tenant moves to another isolation (%s), back, there again for good, and is served all the time',
  async (isolation) => {
    const { isolation: former } = await rig.tenant();
    await rig.underLoad(async () => {
      for (const [path, body, goal] of [
        ['move', { isolation }, isolation],
        ['move/back', undefined, former],
        ['move', { isolation }, isolation],
        ['move/finish', undefined, isolation],
      ] as const) {
        await rig.operate(path, body);
        expect(await rig.tenant()).toMatchObject({ isolation: goal, status: 'active' });
      }
    });
    if (isolation !== 'row') expect(await rowsLeft()).toBe(0);
    expect(await rig.unfinished()).toBe(0);
  },
  LONGEST_MS,
);

it(
  'ten times there and back again leave the same data',
  async () => {
    await rig.underLoad(async () => {
      for (let n = 0; n < 10; n += 1) {
        await rig.operate('move', { isolation: 'schema' });
        await rig.operate('move/back');
      }
    });
    expect(await rig.unfinished()).toBe(0);
  },
  2 * LONGEST_MS,
);
