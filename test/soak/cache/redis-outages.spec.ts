import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { HalfReplies } from '../../support/postgres/half-replies.js';
import { LogRecorder } from '../../support/log-recorder.js';
import { TcpProxy } from '../../support/processes/tcp-proxy.js';
import { TestRedis } from '../../support/redis/test-redis.js';
import { ThreeInstances } from '../../support/processes/three-instances.js';

interface Outage {
  begin(): Promise<unknown>;
  end(): Promise<unknown>;
}

let redis: TestRedis;
let proxy: TcpProxy;
let halves: HalfReplies;
let log: LogRecorder;

beforeEach(async () => {
  log = new LogRecorder();
  Logger.overrideLogger(log);
  redis = await TestRedis.start();
  proxy = await TcpProxy.before(redis.address);
  halves = await HalfReplies.before(redis.address);
});

afterEach(async () => {
  await Promise.all([proxy.close(), halves.close()]);
  await redis.stop();
});

afterAll(() => Logger.overrideLogger(false));

const config = (name: string, value: string | number) => redis.send('CONFIG', 'SET', name, value);
const direct = (): number => redis.port;
const proxied = (): number => proxy.through({ server: {} } as never).server.port;

const OUTAGES: [string, () => number, Outage][] = [
  ['stopped', direct, { begin: () => redis.stop(), end: () => redis.startAgain() }],
  ['frozen', direct, { begin: () => Promise.resolve(redis.freeze()), end: () => Promise.resolve(redis.thaw()) }],
  [
    'slower than any caller waits',
    proxied,
    {
      begin: () => Promise.resolve(proxy.slowDown(300)),
      end: () => Promise.resolve(proxy.slowDown(0)),
    },
  ],
  [
    'cut off, again and again',
    proxied,
    { begin: () => Promise.resolve(proxy.cut()), end: () => Promise.resolve(proxy.mend()) },
  ],
  [
    'cut off half-way through each reply',
    () => halves.port,
    {
      begin: () => Promise.resolve((halves.isBreaking = true)),
      end: () => Promise.resolve((halves.isBreaking = false)),
    },
  ],
  [
    'a replica that refuses writes',
    direct,
    { begin: () => redis.send('REPLICAOF', '127.0.0.1', 1), end: () => redis.send('REPLICAOF', 'NO', 'ONE') },
  ],
  [
    'full',
    direct,
    {
      begin: async () => [await config('maxmemory-policy', 'noeviction'), await config('maxmemory', 1)],
      end: () => config('maxmemory', 0),
    },
  ],
  [
    'asking for a password that we do not have',
    direct,
    {
      begin: async () => [await config('requirepass', 'changed'), await dropOtherClients()],
      end: () => redis.use((client) => client.config('SET', 'requirepass', ''), 'changed'),
    },
  ],
];

/** Those who are connected stay logged in when the password changes. */
async function dropOtherClients(): Promise<void> {
  await redis.use((client) => client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'), 'changed');
}

describe.each(OUTAGES)('while Redis is %s', (_name, port, outage) => {
  it("three instances serve the catalog's values, and afterwards use Redis again without outdated entries", async () => {
    const three = await ThreeInstances.over({ port: port() });
    try {
      await three.redisIsUsed();
      await three.readAndWrite();
      await outage.begin();
      await three.readAndWrite();
      await three.everyoneIsRight();
      await outage.end();
      await three.readAndWrite();
      await three.everyoneIsRight();
      await three.redisIsUsed();
      three.all.push(await three.another()); // knows only what it finds
      await three.everyoneIsRight();
      expect(log.matching('warn', /Redis unavailable/).length).toBeLessThanOrEqual(3 * 4);
    } finally {
      redis.thaw();
      await three.close();
    }
  });
});

describe('when Redis is unavailable at the start', () => {
  it('instances start without waiting for it, log it once, and use it when it comes up', async () => {
    await redis.stop();
    const three = await ThreeInstances.over({ port: redis.port });
    try {
      await three.readAndWrite();
      await three.everyoneIsRight();
      expect(log.matching('warn', /Redis unavailable/)).toHaveLength(3);
      await redis.startAgain();
      await three.redisIsUsed();
      await three.everyoneIsRight();
    } finally {
      await three.close();
    }
  });

  it('because the password is wrong, instances start, log it once, and use it when it is corrected', async () => {
    await config('requirepass', 'right');
    const three = await ThreeInstances.over({ port: redis.port, password: 'wrong' });
    try {
      await three.readAndWrite();
      await three.everyoneIsRight();
      expect(log.matching('warn', /Redis unavailable/)).toHaveLength(3);
      await redis.use((client) => client.config('SET', 'requirepass', 'wrong'), 'right');
      await three.redisIsUsed();
    } finally {
      await three.close();
    }
  });
});
