import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_SERVER } from '../../../src/catalog/catalog-target.js';
import { targetOfUrl } from '../../../src/database/connection/connection-target.js';
import { insertTenants, LookupInstance, randomSlug } from '../../support/cache/lookup-instance.js';
import { printFaultRow } from '../../support/load/fault-row.js';
import { soon } from '../../support/load/soon.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { TestRedis } from '../../support/redis/test-redis.js';

const SKEW_MS = 60_000;

let database: TestDatabase;
let redis: TestRedis;
const instances: LookupInstance[] = [];

beforeAll(async () => {
  [database, redis] = await Promise.all([createTestDatabase('catalog'), TestRedis.start()]);
});

afterEach(() => {
  jest.restoreAllMocks();
});

afterAll(async () => {
  printFaultRow({
    fault: 'the clocks of two instances differ by 60 s, and a change happens before the second one listens',
    callers: 'as the catalog says',
    probes: 'ready 200',
    operators: '`doctor` (clock)',
    lasts: 'not noticed by callers',
  });
  for (const instance of instances) await instance.close();
  await redis.stop();
  await database.drop();
});

async function start(): Promise<LookupInstance> {
  const instance = await LookupInstance.open(targetOfUrl(database.url, DEFAULT_SERVER), {
    redis: { port: redis.port },
  });
  instances.push(instance);
  return instance;
}

it('an entry that an instance ahead of time has shared is not taken for recent', async () => {
  const realNow = Date.now.bind(Date);
  jest.spyOn(Date, 'now').mockImplementation(() => realNow() + SKEW_MS);
  const ahead = await start();
  const slug = randomSlug();
  await database.admin(insertTenants([slug]));
  await soon(async () => expect((await ahead.lookup.bySlug(slug))?.message).toBe('as created'));
  await soon(async () => expect(await redis.send('KEYS', '*tenant*')).toHaveLength(1));
  jest.restoreAllMocks();
  await ahead.feed.close(); // receives no change from now on
  await database.admin(`UPDATE tenants SET message = 'changed' WHERE slug = '${slug}'`);
  const behind = await start();
  await delay(6_000); // more than any difference that was once allowed for
  expect((await behind.lookup.bySlug(slug))?.message).toBe('changed');
});
