import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { withDeadline } from '../../../../src/platform/timeout.js';
import { JobSlots, type JobSlot } from '../../../../src/tenant/jobs/job-slots.js';
import { RedisSlots } from '../../../../src/tenant/limits/redis-slots.js';
import { soon } from '../../../support/load/soon.js';
import { TestRedis } from '../../../support/redis/test-redis.js';

const KEY = 'test:jobs:acme';

let redis: TestRedis;
let client: Redis;
let shared: RedisSlots;
/** Of three processes. */
let workers: JobSlots[];
const taken: JobSlot[] = [];
let isAway = false;

beforeAll(async () => {
  redis = await TestRedis.start();
  client = new Redis({ ...redis.address });
  const run = async <T>(command: (given: Redis) => Promise<T>): Promise<T | undefined> =>
    isAway ? undefined : withDeadline(command(client), 10_000).catch(() => undefined);
  shared = new RedisSlots({ run }, 'test:');
});

beforeEach(async () => {
  isAway = false;
  await client.del(KEY);
  workers = Array.from({ length: 3 }, () => new JobSlots(shared, () => 3));
});

/** Workers renew slots for as long as they hold any. */
afterEach(() => {
  for (const slot of taken.splice(0)) slot.free();
});

afterAll(async () => {
  client.disconnect();
  await redis.stop();
});

/** As many as there are, at most so many of each worker. */
async function takeAll(limit: number, each = 10): Promise<JobSlot[]> {
  const attempts = workers.flatMap((worker) => Array.from({ length: each }, () => take(worker, 'acme', limit)));
  return (await Promise.all(attempts)).filter((slot) => slot !== undefined);
}

async function take(worker: JobSlots, tenantId: string, limit: number): Promise<JobSlot | undefined> {
  const slot = await worker.take(tenantId, limit);
  if (slot) taken.push(slot);
  return slot;
}

describe('the slots of jobs', () => {
  it('are as many as the limit over all workers, however they are spread, and free again when jobs are over', async () => {
    const slots = await takeAll(5);
    expect([slots.length, await client.zcard(KEY)]).toEqual([5, 5]);
    expect(workers.reduce((sum, { refused }) => sum + refused, 0)).toBe(25);
    slots[0]!.free();
    slots[0]!.free();
    await soon(async () => expect(await client.zcard(KEY)).toBe(4));
    expect(await takeAll(5)).toHaveLength(1);
    expect(await take(workers[0]!, 'globex', 1)).toBeDefined();
  });

  it('of a worker that has died end by themselves', async () => {
    expect(await takeAll(2)).toHaveLength(2);
    const [member, until] = await client.zrange(KEY, 0, 0, 'WITHSCORES');
    expect(Number(until) - Date.now()).toBeGreaterThan(20_000);
    expect(await client.pttl(KEY)).toBeGreaterThan(20_000);
    await client.zadd(KEY, Date.now() - 1_000, member!); // as if the time were over
    expect(await takeAll(2)).toHaveLength(1);
  });

  it('are renewed, also where Redis has lost them', async () => {
    await client.zadd(KEY, Date.now() + 1_000, 'a');
    await shared.renew('acme', ['a', 'b']);
    expect(await client.zrange(KEY, 0, -1)).toEqual(['a', 'b']);
    expect(Number(await client.zscore(KEY, 'a')) - Date.now()).toBeGreaterThan(20_000);
    await client.del(KEY);
    await client.set(KEY, 'something else');
    await shared.renew('acme', ['a']);
    expect(await client.zrange(KEY, 0, -1)).toEqual(['a']);
  });

  it("are each worker's part while Redis is away: the limit divided by the workers, at least one", async () => {
    isAway = true;
    expect(await takeAll(7)).toHaveLength(6);
    workers = Array.from({ length: 3 }, () => new JobSlots(undefined, () => 3));
    const slots = await takeAll(2);
    expect(slots).toHaveLength(3);
    for (const slot of slots) slot.free();
    expect(await takeAll(2)).toHaveLength(3);
  });

  it("are each worker's part where Redis refuses the script", async () => {
    await client.call('ACL', 'SETUSER', 'default', '-eval');
    expect(await takeAll(6)).toHaveLength(6);
    expect(await client.exists(KEY)).toBe(0);
    await client.call('ACL', 'SETUSER', 'default', '+eval');
  });
});
