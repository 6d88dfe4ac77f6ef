import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { printFaultRow } from '../../support/load/fault-row.js';
import { soon } from '../../support/load/soon.js';
import { TcpProxy } from '../../support/processes/tcp-proxy.js';
import { ADMIN_KEY, TestApp, type TestTenant } from '../../support/test-app.js';
import { TestRedis } from '../../support/redis/test-redis.js';

/** In each direction. */
const DELAY_MS = 35;
const ROUNDS = 15;

let redis: TestRedis;
let proxy: TcpProxy;
let app: TestApp;
let without: TestApp;
let tenant: TestTenant;
let [withMs, withoutMs] = [0, 0];

beforeAll(async () => {
  redis = await TestRedis.start();
  proxy = await TcpProxy.before(redis.address);
  proxy.slowDown(DELAY_MS);
  const [host = '', port = ''] = proxy.address.split(':');
  app = await TestApp.start({ ENABLE_REDIS_CACHE: 'true', REDIS_HOST: host, REDIS_PORT: port });
  without = await TestApp.over(app.database);
  tenant = await app.provision('acme', 'row');
}, 60_000);

afterAll(async () => {
  printFaultRow({
    fault: 'Redis is 70 ms away',
    callers: `as without Redis: a change is in force after ${Math.round(withMs)} ms, without Redis ${Math.round(withoutMs)} ms`,
    probes: 'ready 200',
    operators: '`doctor` warns of the round trip',
    lasts: 'while it is so far away',
  });
  await without.stop();
  await app.dispose();
  await proxy.close();
  await redis.stop();
});

/** The median time from an operator's request until the instance answers accordingly. */
async function changeMs(instance: TestApp): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [action, status] of [
      ['suspend', 403],
      ['resume', 200],
    ] as const) {
      const startedAt = performance.now();
      await instance.call(`/admin/v1/tenants/acme/${action}`, { method: 'POST', apiKey: ADMIN_KEY });
      await soon(async () =>
        expect((await instance.call('/api/v1/orders', { apiKey: tenant.apiKey })).status).toBe(status),
      );
      times.push(performance.now() - startedAt);
    }
  }
  return times.toSorted((a, b) => a - b)[ROUNDS] ?? 0;
}

it('changes are in force about as soon as without it', async () => {
  await delay(6_000); // not the first seconds of an instance
  await changeMs(app); // by then its distance is known
  [withMs, withoutMs] = [await changeMs(app), await changeMs(without)];
  expect(withMs).toBeLessThan(withoutMs + DELAY_MS); // less than one answer of Redis more
});
