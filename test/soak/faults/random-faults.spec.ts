import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { FaultScene } from '../../support/faults/fault-scene.js';
import { nextFaults } from '../../support/faults/random-faults.js';
import type { VerifiedWrites } from '../../support/faults/verified-writes.js';
import { pick, seededRandom } from '../../support/statements/seeded-random.js';

const MINUTES = Number(process.env['FAULT_MINUTES'] ?? 10);
/** The same seed gives the same faults in the same order. */
const SEED = Number(process.env['FAULT_SEED'] ?? Math.floor(Date.now() / 1000));
const MIN_LASTS_MS = 500;
const MAX_LASTS_MS = 8_000;
const MAX_PAUSE_MS = 3_000;
const WELL_WITHIN_MS = 30_000;

let scene: FaultScene;

beforeAll(async () => {
  scene = await FaultScene.start();
}, 120_000);

afterAll(async () => scene.dispose(), 60_000);

it(
  `after ${MINUTES} minutes of random faults every acknowledged row is there once, and everything is well again`,
  async () => {
    const random = seededRandom(SEED);
    const happened = new Map<string, number>();
    await scene.isWell();
    for (const writes of scene.writes) writes.start();
    const deadline = performance.now() + MINUTES * 60_000;
    process.stdout.write(`\nFAULT_SEED=${SEED}\n`);
    while (performance.now() < deadline) {
      const faults = nextFaults(random);
      const instance = pick(random, scene.instances);
      const lastsMs = MIN_LASTS_MS + random() * (MAX_LASTS_MS - MIN_LASTS_MS);
      for (const { name } of faults) happened.set(name, (happened.get(name) ?? 0) + 1);
      await Promise.all(faults.map((fault) => fault.run(scene, instance, lastsMs)));
      await delay(random() * MAX_PAUSE_MS);
    }
    await Promise.all(scene.writes.map((writes) => writes.stop()));
    await scene.cluster.hasStandby();

    print(happened);
    process.stdout.write(`well again after ${Math.round(await wellAgain())} ms\n`);
    for (const writes of scene.writes) {
      expect(await writes.differences(scene.urls[0] ?? '')).toEqual({ lost: [], twice: [], foreign: [] });
    }
    const { near, far } = await scene.backends();
    expect(Math.max(near, far)).toBeLessThanOrEqual(scene.maxBackends);
    expect((await scene.diagnose()).filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
    await scene.stopInstances();
    expect(await scene.backends()).toEqual({ near: 0, far: 0 });
  },
  MINUTES * 60_000 + 300_000,
);

/** @returns how long it took, in ms */
async function wellAgain(): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    try {
      await scene.isWell();
      return performance.now() - startedAt;
    } catch (error) {
      if (performance.now() - startedAt > WELL_WITHIN_MS) throw error;
      await delay(100);
    }
  }
}

function print(happened: ReadonlyMap<string, number>): void {
  const faults = [...happened].sort().map(([name, times]) => `${String(times).padStart(4)}  ${name}`);
  process.stdout.write(`${[...faults, '', ...scene.writes.map(answersOf), ''].join('\n')}\n`);
}

function answersOf({ slug, acknowledged, answers }: VerifiedWrites): string {
  const others = Object.entries(answers).sort(([, a], [, b]) => b - a);
  return `${slug}: ${acknowledged.length} acknowledged; ${others.map(([answer, n]) => `${n} × ${answer}`).join(', ')}`;
}
