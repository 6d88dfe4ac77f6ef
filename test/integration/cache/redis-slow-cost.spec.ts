import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { CacheInstance, ShiftedClock } from '../../support/cache/cache-rig.js';
import { connected } from '../../support/cache/cache-settled.js';
import { settlesAtOnce } from '../../support/at-once.js';
import { soon } from '../../support/load/soon.js';
import { TcpProxy } from '../../support/processes/tcp-proxy.js';
import { TestRedis } from '../../support/redis/test-redis.js';

let redis: TestRedis;
let proxy: TcpProxy;
let instance: CacheInstance;

beforeAll(async () => {
  redis = await TestRedis.start();
});

afterAll(() => redis.stop());

beforeEach(async () => {
  proxy = await TcpProxy.before(redis.address);
  const [, port] = proxy.address.split(':');
  instance = (await CacheInstance.open({ clock: new ShiftedClock(), redis: { port: Number(port) } })).listen();
  await connected(instance);
});

afterEach(async () => {
  instance.close();
  await proxy.close();
});

/** Reads keys that no tier has. @returns how many of them had to wait for something outside the process */
async function readsThatWait(prefix: string, reads = 50): Promise<number> {
  let waited = 0;
  for (let n = 0; n < reads; n += 1) {
    instance.truth.write(`${prefix}${n}`, 'loaded');
    const reading = instance.get(`${prefix}${n}`);
    if (!(await settlesAtOnce(reading))) waited += 1;
    expect(await reading).toBe('loaded');
  }
  return waited;
}

it('a Redis slower than the source delays no read, and is read again once it is quick', async () => {
  expect(await readsThatWait('quick')).toBeGreaterThan(0);
  proxy.slowDown(15);
  await soon(async () => expect(instance.tier?.typicalMs).toBeGreaterThan(15));
  expect(await readsThatWait('slow')).toBe(0);
  proxy.slowDown(0);
  let round = 0;
  await soon(async () => expect(await readsThatWait(`again ${(round += 1)} `, 1)).toBe(1));
});
