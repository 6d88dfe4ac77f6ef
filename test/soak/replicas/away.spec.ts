import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { soon } from '../../support/load/soon.js';
import { type PairsReport, printShares, writeAndRead } from '../../support/replicas/pairs.js';
import { ReplicatedApp } from '../../support/replicas/replicated-app.js';
import type { TestTenant } from '../../support/test-app.js';

const LONGEST_MS = 10 * 60_000;

let rig: ReplicatedApp;
let tenants: TestTenant[];

beforeEach(() => start(), 120_000);

afterEach(() => rig.stop());

/** @param settings of the replica */
async function start(settings: Readonly<Record<string, string>> = {}): Promise<void> {
  rig = await ReplicatedApp.start(settings, { DB_POOL_SIZE: '4' });
  tenants = [await rig.app.provision('acme', 'row'), await rig.app.provision('initech', 'schema')];
  await untilReadFromReplica();
}

async function untilReadFromReplica(): Promise<void> {
  const { reads } = rig.counts;
  await soon(async () => {
    expect((await rig.get(tenants[0]!, 0)).status).toBe(200);
    expect(rig.counts.reads).toBeGreaterThan(reads + 10);
  }, 60_000);
}

/** Callers read and write until `work` is over. */
async function duringPairs(work: () => Promise<void>): Promise<PairsReport> {
  let isOver = false;
  const load = writeAndRead(rig, tenants, () => isOver);
  try {
    await work();
  } finally {
    isOver = true;
  }
  return load;
}

it(
  'a replica that is killed or frozen and comes back, again and again, fails no request and loses nothing',
  async () => {
    const before = rig.counts;
    const report = await duringPairs(async () => {
      for (let turn = 0; turn < 4; turn += 1) {
        await delay(1_500);
        await rig.replica.kill();
        await delay(1_500);
        await rig.replica.startAgain();
        await untilReadFromReplica();
        await rig.replica.freeze();
        await delay(4_000);
        await rig.replica.thaw();
        await untilReadFromReplica();
      }
    });
    printShares('killed and frozen', rig, before, report.pairs);
    expect(report).toEqual({ pairs: expect.any(Number), stale: 0, failed: [] });
    expect(rig.counts.fallbacks['away']).toBeGreaterThan(before.fallbacks['away']!);
  },
  LONGEST_MS,
);

it(
  'a replica that is promoted has another history from then on, and is not read beside the primary',
  async () => {
    const before = rig.counts;
    const report = await duringPairs(async () => {
      await delay(1_000);
      await rig.replica.promote();
      await delay(3_000);
    });
    expect(report).toEqual({ pairs: expect.any(Number), stale: 0, failed: [] });
    const { reads } = rig.counts;
    for (let turn = 0; turn < 20; turn += 1) expect((await rig.get(tenants[0]!, turn)).status).toBe(200);
    expect(rig.counts.reads).toBe(reads);
    printShares('promoted', rig, before, report.pairs);
  },
  LONGEST_MS,
);

it(
  'a read that the replica cancels because of what it replays is answered by the primary',
  async () => {
    await rig.stop();
    await start({ max_standby_streaming_delay: '0' });
    const before = rig.counts;
    const over = new AbortController();
    const slowReads = (async () => {
      while (!over.signal.aborted) {
        const { apiKey } = tenants[0]!;
        expect((await rig.app.call('/counters/slowly/counted', { apiKey })).status).toBe(200);
      }
    })();
    const report = await duringPairs(async () => {
      for (let turn = 0; turn < 20; turn += 1) {
        // A lock that replay takes ends the reads that are in its way.
        await rig.primary.inDatabase(
          'tenantry_shared',
          'BEGIN; LOCK TABLE shared.counters IN ACCESS EXCLUSIVE MODE; COMMIT',
        );
        await delay(200);
      }
    });
    over.abort();
    await slowReads;
    printShares('cancelled by replay', rig, before, report.pairs);
    expect(report).toEqual({ pairs: expect.any(Number), stale: 0, failed: [] });
    expect(rig.counts.fallbacks['failed']).toBeGreaterThan(before.fallbacks['failed']!);
  },
  LONGEST_MS,
);
