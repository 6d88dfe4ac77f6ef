import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { AdminClient } from '../../support/admin/admin-client.js';
import { Cli } from '../../support/cli/cli.js';
import { soon } from '../../support/load/soon.js';
import { ReplicatedApp } from '../../support/replicas/replicated-app.js';
import type { Answer, TestTenant } from '../../support/test-app.js';

const LONGEST_MS = 10 * 60_000;
const VALUE = 42;

let rig: ReplicatedApp;
let acme: TestTenant;

beforeAll(async () => {
  rig = await ReplicatedApp.start({ recovery_min_apply_delay: '3s' });
  acme = await rig.app.provision('acme', 'row');
  await rig.set(acme, 1, VALUE);
  await untilReadFromReplica();
}, 120_000);

afterAll(() => rig.stop());

async function untilReadFromReplica(): Promise<void> {
  const { reads } = rig.counts;
  await soon(async () => {
    expect((await rig.get(acme, 1)).body).toEqual({ value: VALUE });
    expect(rig.counts.reads).toBeGreaterThan(reads);
  });
}

/** What was read without a position while `work` ran, and until the replica is read again; or for as long as it is behind. */
async function readDuring(work: () => Promise<unknown>, isOnReplicas = true): Promise<Set<string>> {
  const seen = new Set<string>();
  const reader = { isOver: false };
  const reading = (async () => {
    while (!reader.isOver) seen.add((await rig.get(acme, 1)).text);
  })();
  try {
    await work();
    if (isOnReplicas) await untilReadFromReplica();
    else await delay(5_000);
  } finally {
    reader.isOver = true;
    await reading;
  }
  return seen;
}

const SEEN = new Set([JSON.stringify({ value: VALUE })]);

it.each([
  ['move', { isolation: 'schema' }],
  ['move/back', {}],
  ['move', { isolation: 'schema' }],
  ['move/finish', {}],
])(
  'a replica that is behind shows nothing of a time before the tenant was where it is (%s)',
  async (path, body) => {
    const admin = new AdminClient(rig.app);
    const seen = await readDuring(async () => {
      let requested: Answer | undefined;
      await soon(async () => {
        requested = await admin.send('POST', `/tenants/acme/${path}`, { body });
        expect([requested.status, requested.body.detail]).toEqual([202, undefined]); // what is left of the one before is removed first
      });
      expect(await admin.ended(requested?.headers.get('location') ?? null)).toMatchObject({ status: 'succeeded' });
    }, path !== 'move'); // replicas are read again once it is finished, or taken back
    expect(seen).toEqual(SEEN);
  },
  LONGEST_MS,
);

it(
  'a replica that does not have the key of the stamps yet is not read with it',
  async () => {
    const cli = new Cli(rig.app.env);
    const seen = await readDuring(async () => {
      const { code, stderr } = await cli.run('stamps', 'rotate', '--server', 'default', '--grace', '1s');
      expect([code, stderr]).toEqual([0, expect.any(String)]);
    });
    expect(seen).toEqual(SEEN);
  },
  LONGEST_MS,
);
