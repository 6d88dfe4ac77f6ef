import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { FAILOVERS, type FailoverOutcome, FailoverScene } from '../../support/faults/failover-scene.js';
import { printFailovers } from '../../support/faults/failover-table.js';
import { Haproxy } from '../../support/faults/haproxy.js';

const MINUTE = 60_000;

let scene: FailoverScene;
let haproxy: Haproxy | undefined;

beforeAll(async () => {
  scene = await FailoverScene.start(async ({ nodes }) => {
    haproxy = await Haproxy.before(nodes);
    return `${haproxy.address.host}:${haproxy.address.port}`;
  });
}, 3 * MINUTE);

afterAll(async () => {
  await scene?.dispose();
  await haproxy?.stop();
}, MINUTE);

it(
  'behind HAProxy, which follows the primary, a failover of each kind loses no acknowledged write',
  async () => {
    for (const writes of scene.writes) writes.start();
    const outcomes: FailoverOutcome[] = [];
    for (const kind of FAILOVERS) outcomes.push(await scene.failOver(kind));
    await Promise.all(scene.writes.map((writes) => writes.stop()));
    printFailovers(outcomes, scene.writes);
    expect(outcomes.filter(({ failedAfterwards }) => failedAfterwards > 0)).toEqual([]);
    for (const writes of scene.writes) await scene.expectNothingWrong(writes);
  },
  FAILOVERS.length * 3 * MINUTE,
);
