import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { RedisTier } from '../../../src/cache/redis/redis-tier.js';
import { openTier } from '../../support/cache/cache-rig.js';
import { LogRecorder } from '../../support/log-recorder.js';
import { soon } from '../../support/load/soon.js';
import { TestRedis } from '../../support/redis/test-redis.js';

let redis: TestRedis;
let log: LogRecorder;

beforeAll(async () => {
  redis = await TestRedis.start(['--requirepass', 'a-secret-word']);
});

afterAll(() => redis.stop());

beforeEach(() => {
  log = new LogRecorder();
  Logger.overrideLogger(log);
});

afterEach(() => Logger.overrideLogger(false));

const password = 'a-secret-word';
const connected = (): string[] => log.matching('log', /Redis connected/);
const away = (): string[] => log.matching('warn', /Redis unavailable/);

function whenConnected(tier: RedisTier): Promise<void> {
  return soon(async () => expect(tier.isConnected).toBe(true));
}

describe('the log about Redis', () => {
  it('has one line per connection and outage, and none at shutdown', async () => {
    const tier = await openTier({ port: redis.port, password });
    await whenConnected(tier);
    expect([connected().length, away().length]).toEqual([1, 0]);
    await redis.stop();
    await soon(async () => expect(away()).toHaveLength(1));
    await redis.startAgain();
    await whenConnected(tier);
    expect([connected().length, away().length]).toEqual([2, 1]);
    tier.close();
    await soon(async () => expect(tier.isConnected).toBe(false));
    await new Promise(setImmediate);
    expect([connected().length, away().length]).toEqual([2, 1]);
    expect(log.matching('error', /./)).toEqual([]);
  });

  it.each([
    ['host and port', () => ({ port: redis.port, password })],
    ['a URL', () => ({ url: `redis://:${password}@127.0.0.1:${redis.port}/2` })],
    ['a URL, with a wrong password', () => ({ url: `redis://:${password}-not@127.0.0.1:${redis.port}/2` })],
  ])('never contains the password of %s', async (_what, settings) => {
    const tier = await openTier(settings());
    await soon(async () => expect([...connected(), ...away()]).toHaveLength(1));
    expect(log.text).toContain('Redis');
    expect(log.text).not.toContain(password);
    tier.close();
  });

  it('names the database that is used', async () => {
    const tier = await openTier({ url: `redis://:${password}@127.0.0.1:${redis.port}/2` });
    await soon(async () =>
      expect(connected()).toEqual([expect.stringContaining(`127.0.0.1:${redis.port}, database 2`)]),
    );
    tier.close();
  });
});
