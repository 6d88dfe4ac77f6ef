import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { FAILOVERS, type FailoverOutcome, FailoverScene } from '../../support/faults/failover-scene.js';
import { printFailovers } from '../../support/faults/failover-table.js';

const COUNT = Number(process.env['FAILOVERS'] ?? 6);
/** Two seconds are promised, and the median is printed; a busy machine may need more. */
const FIRST_WRITE_WITHIN_MS = 10_000;
const MINUTE = 60_000;

let scene: FailoverScene;

beforeAll(async () => {
  scene = await FailoverScene.start();
}, 3 * MINUTE);

afterAll(() => scene?.dispose(), MINUTE);

it(
  `${COUNT} failovers under load lose no acknowledged write, and the new primary is used at once`,
  async () => {
    for (const writes of scene.writes) writes.start();
    const outcomes: FailoverOutcome[] = [];
    for (let n = 0; n < COUNT; n += 1) outcomes.push(await scene.failOver(FAILOVERS[n % FAILOVERS.length] ?? 'killed'));
    await Promise.all(scene.writes.map((writes) => writes.stop()));
    printFailovers(outcomes, scene.writes);

    for (const { kind, lastTenantMs } of outcomes)
      expect([kind, lastTenantMs < FIRST_WRITE_WITHIN_MS]).toEqual([kind, true]);
    expect(outcomes.filter(({ failedAfterwards }) => failedAfterwards > 0)).toEqual([]);
    for (const writes of scene.writes) await scene.expectNothingWrong(writes);
  },
  COUNT * 3 * MINUTE,
);
