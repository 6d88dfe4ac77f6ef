import { expect } from '@jest/globals';
import type pg from 'pg';
import { seededRandom } from '../statements/seeded-random.js';
import { type CopyRig, run } from './copy-rig.js';
import { MOVED, NotedMove, OTHER } from './noted-move.js';
import { randomChange } from './shop-tables.js';

export interface RandomChanges {
  readonly seed: number;
  /** How many; about half of them are refused by a constraint. */
  readonly changes: number;
  readonly isToAlone: boolean;
}

/** Applies random changes at random times, and expects both places to be the same after each time. */
export async function expectSameAfterChanges(rig: CopyRig, { seed, changes, isToAlone }: RandomChanges): Promise<void> {
  const random = seededRandom(seed);
  const move = await NotedMove.start(rig, '', { isToAlone });
  if (!isToAlone) await run(move.to, OTHER, 'INSERT INTO customers SELECT $t, n, n FROM generate_series(0, 9) n');
  const neighbours = await move.digests(move.to, OTHER);
  const [first, second] = [await rig.connect(), await rig.connect()];
  for (const client of [first, second]) {
    await client.query(`SET search_path = ${move.from.schema}; SET lock_timeout = '20ms'`);
  }
  let [accepted, applied] = [0, 0];
  let isOpen = false;
  for (let n = 0; n < changes; n += 1) {
    const change = randomChange(random).replaceAll('$t', `'${MOVED}'`);
    if (!isOpen && random() < 0.1) {
      await second.query('BEGIN'); // committed later, perhaps after others were applied
      isOpen = await isAccepted(second, change);
      if (!isOpen) await second.query('ROLLBACK');
    } else {
      accepted += Number(await isAccepted(first, change));
    }
    if (isOpen && random() < 0.2) {
      await second.query('COMMIT');
      isOpen = false;
    }
    if (random() < 0.1) {
      applied += await move.apply();
      await move.expectEqual();
    }
  }
  await second.query('COMMIT');
  applied += await move.apply();
  await move.expectEqual();
  expect(accepted).toBeGreaterThan(changes / 4);
  expect(applied).toBeGreaterThan(changes / 20);
  expect(await move.digests(move.to, OTHER)).toEqual(neighbours);
}

function isAccepted(client: pg.Client, change: string): Promise<boolean> {
  return client.query(change).then(
    () => true,
    () => false,
  );
}
