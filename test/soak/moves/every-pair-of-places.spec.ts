import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { MovingRig } from '../../support/moves/moving-rig.js';
import { PASSWORDS } from '../../support/postgres/embedded-server.js';
import { registerServer } from '../../support/postgres/other-server.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';

const LONGEST_MS = 20 * 60_000;
const PLACES = (['row', 'schema', 'database'] as const).flatMap((isolation) =>
  ['default', 'other'].map((server) => ({ isolation, server })),
);

let rig: MovingRig;
let other: PrivatePostgres;

beforeAll(async () => {
  other = await PrivatePostgres.start();
  rig = await MovingRig.start();
  await registerServer(rig.app, 'other', { ...other.address, owner: 'tenantry', ownerPassword: PASSWORDS.owner });
});
afterAll(async () => {
  process.stderr.write(`${rig.reports.join('\n')}\n`);
  await rig.stop();
  await other.stop();
});

/** Leads over every ordered pair of places once, and ends where it began (Hierholzer). */
function everyPair(): number[] {
  const left = PLACES.map((_place, from) => PLACES.map((_to, to) => to).filter((to) => to !== from));
  const path = [0];
  const circuit: number[] = [];
  while (path.length > 0) {
    const next = left[path.at(-1)!]!.pop();
    if (next === undefined) circuit.unshift(path.pop()!);
    else path.push(next);
  }
  return circuit;
}

it('the walk covers every ordered pair of places once', () => {
  const walk = everyPair();
  const pairs = walk.slice(1).map((to, n) => `${walk[n]} ${to}`);
  expect([pairs.length, new Set(pairs).size]).toEqual([30, 30]);
});

it(
  'a tenant moves between every two places, in both directions, and is served all the time',
  async () => {
    await rig.underLoad(async () => {
      for (const n of everyPair().slice(1)) {
        const goal = PLACES[n]!;
        await rig.operate('move', goal);
        expect(await rig.tenant()).toMatchObject({ ...goal, status: 'active' });
        await rig.operate('move/finish');
      }
    });
    expect(await rig.unfinished()).toBe(0);
  },
  LONGEST_MS,
);
