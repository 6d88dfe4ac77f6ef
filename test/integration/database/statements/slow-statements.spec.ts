import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { clientOf, openPool } from '../../../support/statements/notes-database.js';
import { numbers, one, READ, SharingRig, two } from '../../../support/statements/sharing-rig.js';

let rig: SharingRig;

beforeAll(async () => {
  rig = await SharingRig.create();
});

afterAll(() => rig.database.drop());

describe('a slow statement', () => {
  let sleep: string;

  beforeEach(async () => {
    rig.pool = openPool('pooled', rig.database.target, { size: 2 });
    await rig.makeFamiliar(READ, 0);
    sleep = await rig.quickSoFar();
  });

  afterEach(() => rig.pool.end());

  it('has nothing queued behind it once it has been running for long', async () => {
    const slow = rig.query(one, sleep, [1, 'slow']);
    await rig.untilSleeping();
    await rig.database.admin('SELECT pg_sleep(0.025)');
    let isOver = false;
    void slow.then(() => (isOver = true));
    for (const n of numbers(40)) await rig.query(two, READ, [n]);
    expect(isOver).toBe(false);
    await slow;
  });

  it('shares no connection when its text was slow before', async () => {
    await rig.query(one, sleep, [0.3, 'slow']);
    const client = clientOf(rig.pool, two);
    await rig.pool.warmUp();
    await client.query('BEGIN'); // one connection is left
    const slow = rig.query(one, sleep, [0.2, 'slow again']);
    const next = rig.query(two, READ, [1]);
    expect(rig.pool.counts()).toMatchObject({ busy: 2, waiting: 1 });
    await Promise.all([slow, next]);
    await client.query('COMMIT');
  });
});
