import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { leaseFromRedis } from '../../../../src/tenant/limits/redis-leases.js';
import { type RequestLimits, TokenLeases } from '../../../../src/tenant/limits/token-leases.js';
import { TestRedis } from '../../../support/redis/test-redis.js';

const INSTANCES = 3;
let redis: TestRedis;
let clients: Redis[];
let limiters: TokenLeases[];

beforeAll(async () => {
  redis = await TestRedis.start();
  clients = Array.from({ length: INSTANCES }, () => new Redis({ ...redis.address, retryStrategy: () => null }));
  for (const client of clients) client.on('error', () => undefined); // the leases fail themselves
  limiters = clients.map((client) => {
    const run = <T>(command: (given: Redis) => Promise<T>): Promise<T | undefined> => command(client);
    return new TokenLeases(
      (request) => leaseFromRedis({ run }, 'test:', request),
      () => INSTANCES,
    );
  });
});

afterAll(async () => {
  for (const client of clients) client.disconnect();
  await redis.stop();
});

/** Offers 1,000 requests per second to the limiters in turn. @returns admitted requests per second */
async function offer(tenant: string, limits: RequestLimits, ms: number): Promise<number> {
  const start = performance.now();
  let [offered, admitted] = [0, 0];
  for (let passed = 0; passed < ms; passed = performance.now() - start) {
    for (; offered < passed; offered += 1) {
      if (limiters[offered % INSTANCES]?.take(tenant, limits) === 0) admitted += 1;
    }
    await delay(1);
  }
  return (admitted * 1000) / (performance.now() - start);
}

it('admits 95 to 105 of 1,000 requests per second at a limit of 100 over three instances', async () => {
  const rate = await offer('second', { requestsPerSecond: 100 }, 5000);
  expect(rate).toBeGreaterThanOrEqual(95);
  expect(rate).toBeLessThanOrEqual(105);
}, 15_000);

it('admits no more requests of a day than the limit over three instances', async () => {
  expect(await offer('day', { requestsPerDay: 90 }, 1000)).toBeLessThanOrEqual(95);
});

it('admits between a third and three times the limit when Redis is gone', async () => {
  await redis.stop();
  const rate = await offer('second', { requestsPerSecond: 100 }, 2000);
  expect(rate).toBeGreaterThanOrEqual(100 / 3);
  expect(rate).toBeLessThanOrEqual(300);
}, 15_000);
