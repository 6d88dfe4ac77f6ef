import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openPool } from '../../../support/statements/notes-database.js';
import { numbers, one, READ, SharingRig, two } from '../../../support/statements/sharing-rig.js';

let rig: SharingRig;

beforeAll(async () => {
  rig = await SharingRig.create();
});

afterAll(() => rig.database.drop());

describe('revoking a shared connection from a tenant', () => {
  let sleep: string;

  const rejection = (): Error => new Error('not served any more');

  beforeEach(async () => {
    rig.pool = openPool('pooled', rig.database.target, { size: 1 });
    await rig.makeFamiliar(READ, 0);
    sleep = await rig.quickSoFar();
  });

  afterEach(() => rig.pool.end());

  it('ends the running statement and leaves the connection to those behind it', async () => {
    const before = (await rig.query(two, sleep, [0, 'before'])).rows[0] as { pid: number };
    const running = rig.query(one, sleep, [9, 'running']);
    const behind = [rig.query(two, sleep, [0, 'behind']), rig.query(two, sleep, [0, 'behind'])];
    await rig.untilSleeping();
    expect(rig.pool.revoke(one.id, rejection)).toBe(1);
    await expect(running).rejects.toThrow('not served any more');
    for (const { rows } of await Promise.all(behind)) expect(rows).toEqual([{ pid: before.pid, who: 'behind' }]);
  });

  it('affects no statement before or behind a queued one', async () => {
    const running = rig.query(two, sleep, [1, 'running']); // long enough to be seen on a busy machine
    const waiting = rig.query(one, sleep, [0, 'waiting']);
    const behind = rig.query(two, sleep, [0, 'behind']);
    await rig.untilSleeping();
    rig.pool.revoke(one.id, rejection);
    await expect(waiting).rejects.toThrow('not served any more');
    const pid = ((await running).rows[0] as { pid: number }).pid;
    expect((await behind).rows).toEqual([{ pid, who: 'behind' }]);
    expect((await rig.query(two, sleep, [0, 'after'])).rows).toEqual([{ pid, who: 'after' }]); // nothing was canceled
  });

  it('affects no other statement when its cancel request arrives late', async () => {
    for (const round of numbers(60)) {
      await rig.query(two, READ, [round]); // opens a connection: the previous one was closed because of its late cancel request
      const running = rig.query(one, READ, [round]);
      const behind = numbers(5).map((n) => rig.query(two, sleep, [0.002, String(n)]));
      const outcome = running.catch((error: unknown) => error);
      rig.pool.revoke(one.id, rejection);
      expect(await outcome).toMatchObject({ message: 'not served any more' });
      expect((await Promise.all(behind)).map(({ rows }) => rows[0]?.who)).toEqual(numbers(5).map(String));
    }
  });
});
