import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it } from '@jest/globals';
import { soon } from '../../support/load/soon.js';
import { printShares, writeAndRead } from '../../support/replicas/pairs.js';
import { ReplicatedApp } from '../../support/replicas/replicated-app.js';
import type { TestTenant } from '../../support/test-app.js';

const PAIRS = 10_000;
const LONGEST_MS = 10 * 60_000;

let rig: ReplicatedApp;

afterEach(() => rig.stop());

async function start(settings: Record<string, string> = {}): Promise<TestTenant[]> {
  rig = await ReplicatedApp.start(settings);
  const tenants = [
    await rig.app.provision('acme', 'row'),
    await rig.app.provision('initech', 'schema'),
    await rig.app.provision('umbrella', 'database'),
  ];
  for (const tenant of tenants) await untilReadFromReplica(tenant);
  return tenants;
}

async function untilReadFromReplica(tenant: TestTenant): Promise<void> {
  const { reads } = rig.counts;
  await soon(async () => {
    expect((await rig.get(tenant, 0)).status).toBe(200);
    expect(rig.counts.reads).toBeGreaterThan(reads);
    await delay(50);
  });
}

it(
  'of 10,000 writes over a replica that is five seconds behind, none is missing from what its caller reads then',
  async () => {
    const tenants = await start({ recovery_min_apply_delay: '5s' });
    const before = rig.counts;
    const report = await writeAndRead(rig, tenants, ({ pairs }) => pairs >= PAIRS);
    printShares('5 s behind', rig, before, report.pairs);
    expect(report).toEqual({ pairs: expect.any(Number), stale: 0, failed: [] });

    // Without the position the replica answers, as it was some seconds ago: that is what the position is for.
    const [acme] = tenants as [TestTenant];
    const { reads } = rig.counts;
    let old = 0;
    for (let value = 1; value <= 100; value += 1) {
      await rig.set(acme, 100, value);
      if ((await rig.get(acme, 100)).body.value !== value) old += 1;
    }
    expect(old).toBeGreaterThan(90);
    expect(rig.counts.reads - reads).toBeGreaterThan(90);
  },
  LONGEST_MS,
);

it(
  'of 10,000 writes over a replica that keeps up, the replica answers most of what is read then',
  async () => {
    const tenants = await start();
    const before = rig.counts;
    const report = await writeAndRead(rig, tenants, ({ pairs }) => pairs >= PAIRS);
    printShares('keeping up', rig, before, report.pairs);
    expect(report).toEqual({ pairs: expect.any(Number), stale: 0, failed: [] });
    expect(rig.counts.reads - before.reads).toBeGreaterThan(PAIRS / 2);
  },
  LONGEST_MS,
);

it(
  'of 10,000 writes over a replica that stops and goes on again and again, none is missing either',
  async () => {
    const tenants = await start();
    const before = rig.counts;
    const pauser = { isOver: false };
    const pausing = (async () => {
      for (let pauses = 0; !pauser.isOver; pauses += 1) {
        await rig.replica.admin('SELECT pg_wal_replay_pause()');
        await delay((pauses * 37) % 300);
        await rig.replica.admin('SELECT pg_wal_replay_resume()');
        await delay((pauses * 53) % 200);
      }
    })();
    const report = await writeAndRead(rig, tenants, ({ pairs }) => pairs >= PAIRS);
    pauser.isOver = true;
    await pausing;
    printShares('stopping and going on', rig, before, report.pairs);
    expect(report).toEqual({ pairs: expect.any(Number), stale: 0, failed: [] });
    const { reads, fallbacks } = rig.counts;
    expect(reads - before.reads).toBeGreaterThan(0);
    expect(fallbacks['behind']).toBeGreaterThan(before.fallbacks['behind']!);
  },
  LONGEST_MS,
);
