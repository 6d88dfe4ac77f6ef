import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { redisInsStore } from 'cache-manager-ioredis-yet';
import { CacheInstance, PATIENT, StoppedClock, testKeyRing, Truth } from '../../support/cache/cache-rig.js';
import { connected, settled } from '../../support/cache/cache-settled.js';
import { soon } from '../../support/load/soon.js';
import { TestRedis } from '../../support/redis/test-redis.js';

/** What telejson makes of this is an object with a function `then`, which awaiting it calls. */
const CODE = `{"then":"_function_then|function then(){ globalThis.__codeFromRedis = true; }"}`;

declare global {
  var __codeFromRedis: boolean | undefined;
}

const KEY = 'test:h1:item:k';

let redis: TestRedis;
let truth: Truth;
let clock: StoppedClock;
let writer: CacheInstance;
let reader: CacheInstance;

beforeAll(async () => {
  redis = await TestRedis.start();
});

afterAll(() => redis.stop());

beforeEach(async () => {
  await redis.send('FLUSHALL');
  globalThis.__codeFromRedis = undefined;
  truth = new Truth();
  clock = new StoppedClock();
  [writer, reader] = await Promise.all([openInstance(), openInstance()]);
  for (const instance of [writer, reader]) instance.listen();
  await connected(writer, reader);
  for (const key of ['k', 'other']) truth.write(key, `of ${key}`);
  await Promise.all(['k', 'other'].map((key) => writer.get(key)));
  await settled(writer);
});

afterEach(() => [writer, reader].forEach((instance) => instance.close()));

function openInstance(): Promise<CacheInstance> {
  return CacheInstance.open({ truth, clock, redis: { ...PATIENT, port: redis.port } });
}

/** Sealed by us, for this key: what only a mistake of ours, or an older release, can have put there. */
function sealed(version: number, content: unknown, place = `redis:${KEY}@${version}`): string {
  const packed = `${version}.${Buffer.from(JSON.stringify(content)).toString('base64url')}`;
  const kept = JSON.stringify(JSON.stringify({ value: packed }));
  return `${version}:${testKeyRing().encrypt(kept, place)}`;
}

const envelope = (more: object): object => ({
  ...{ value: { text: 'of k' }, subject: 'subject:k', version: 1, sequence: 1, ttlMs: 60_000 },
  ...more,
});

describe('the Redis store alone', () => {
  it('turns what it reads into code and runs it, which is the danger', async () => {
    await redis.send('SET', KEY, CODE);
    await redis.use(async (client) => {
      const store = redisInsStore(client as never) as unknown as { get(key: string): Promise<unknown> };
      void store.get(KEY); // never settles: it waits for what the code resolves
      await soon(async () => expect(globalThis.__codeFromRedis).toBe(true));
    });
  });
});

describe('an entry at one of our keys in Redis', () => {
  it('is used when it is valid', async () => {
    expect(await reader.get('k')).toBe('of k');
    expect(reader.cache.snapshot()).toMatchObject({ redisHits: 1, loads: 0 });
  });

  it('is encrypted, so that nothing of it can be read', async () => {
    const stored = String(await redis.send('GET', KEY));
    expect(stored).toMatch(/^1:test\.[\w-]+$/);
    expect(Buffer.from(stored.split('.')[1] ?? '', 'base64url').toString('latin1')).not.toContain('of k');
  });

  const wrongs: [string, () => Promise<unknown>][] = [
    ['is code', () => redis.send('SET', KEY, CODE)],
    ['is code behind a version', () => redis.send('SET', KEY, `1:${CODE}`)],
    ['is code in a string', () => redis.send('SET', KEY, JSON.stringify(JSON.stringify({ value: CODE })))],
    ['is another key’s', () => redis.send('COPY', 'test:h1:item:other', KEY, 'REPLACE')],
    ['is cut short', () => change((stored) => stored.slice(0, -10))],
    ['is cut down to nothing', () => change(() => '')],
    ['has one letter changed', () => change((stored) => stored.slice(0, -9) + flip(stored.at(-9)) + stored.slice(-8))],
    ['claims a higher version', () => change((stored) => stored.replace(/^1:/, '999999:'))],
    ['claims no version', () => change((stored) => stored.replace(/^1:/, ''))],
    ['claims a version that is none', () => change((stored) => stored.replace(/^1:/, '-1:'))],
    ['is somebody else’s text', () => redis.send('SET', KEY, 'hello')],
    ['is somebody else’s list', async () => [await redis.send('DEL', KEY), await redis.send('RPUSH', KEY, 'a', 'b')]],
    ['is somebody else’s hash', async () => [await redis.send('DEL', KEY), await redis.send('HSET', KEY, 'a', 'b')]],
    ['is sealed with a key that we do not have', () => change((stored) => stored.replace(':test.', ':stolen.'))],
    ['is sealed for another prefix', () => set(sealed(1, envelope({}), 'redis:elsewhere:h1:item:k@1'))],
    ['fails its schema', () => set(sealed(1, envelope({ value: { text: 7 } })))],
    ['has more than its schema says', () => set(sealed(1, envelope({ value: { text: 'x', isAdmin: true } })))],
    ['is not enveloped', () => set(sealed(1, { text: 'of k' }))],
    ['has the envelope of a release that compared clocks', () => set(sealed(1, envelope({ loadedAt: Date.now() })))],
    ['has an envelope of another release', () => set(sealed(1, envelope({ madeBy: 'release 9' })))],
    [
      'is no JSON',
      () => set(`1:${testKeyRing().encrypt(JSON.stringify(JSON.stringify({ value: '1.e30' })), `redis:${KEY}@1`)}`),
    ],
  ];

  it.each(wrongs)('that %s is a miss, counted and removed, and never executed', async (_what, poison) => {
    await poison();
    truth.asked = 0;
    expect(await reader.get('k')).toBe('of k');
    expect(truth.asked).toBe(1);
    expect(globalThis.__codeFromRedis).toBeUndefined();
    expect(reader.cache.snapshot()).toMatchObject({ redisHits: 0, redisRejected: 1, redisFailures: 0, loads: 1 });
    await settled(reader);
    // Removed, and what was loaded lies in its place: for others all is in order again.
    const third = await openInstance();
    third.listen();
    await connected(third);
    expect(await redis.send('TYPE', KEY)).toBe('string');
    expect(await redis.send('GET', KEY)).toMatch(/^1:test\./);
    third.close();
  });

  it('is rejected when it is a replayed value older than its subject', async () => {
    const old = String(await redis.send('GET', KEY));
    reader.change('k', 'changed');
    await reader.get('k');
    await settled(reader);
    await redis.send('SET', KEY, old);
    const third = await openInstance();
    third.listen();
    await connected(third);
    expect(await third.get('k')).toBe('changed'); // it did not listen when the old one was loaded
    reader.cache.observeVersion('subject:k', 3);
    truth.write('k', 'changed again');
    expect(await reader.get('k')).toBe('changed again');
    third.close();
  });

  it('is rejected after its lifetime, even when its expiry was removed', async () => {
    await redis.send('PERSIST', KEY);
    clock.advance(60_000);
    truth.write('k', 'new', { version: 1 });
    expect(await reader.get('k')).toBe('new');
  });
});

async function change(make: (stored: string) => string): Promise<void> {
  await set(make(String(await redis.send('GET', KEY))));
}

function set(text: string): Promise<unknown> {
  return redis.send('SET', KEY, text);
}

function flip(letter: string | undefined): string {
  return letter === 'A' ? 'B' : 'A';
}
