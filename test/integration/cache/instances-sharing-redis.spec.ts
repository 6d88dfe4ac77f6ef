import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { CacheInstance, ITEM, PATIENT, StoppedClock, Truth } from '../../support/cache/cache-rig.js';
import { connected, settled } from '../../support/cache/cache-settled.js';
import { soon } from '../../support/load/soon.js';
import { TestRedis } from '../../support/redis/test-redis.js';

let redis: TestRedis;
let truth: Truth;
let clock: StoppedClock;
let open: CacheInstance[];

beforeAll(async () => {
  redis = await TestRedis.start();
});

afterAll(() => redis.stop());

beforeEach(async () => {
  await redis.send('FLUSHALL');
  truth = new Truth();
  clock = new StoppedClock();
  open = [];
});

afterEach(() => open.forEach((instance) => instance.close()));

/** Instances over one source and one Redis that have been listening for long enough to trust Redis. */
async function instances(count: number): Promise<CacheInstance[]> {
  const started = await Promise.all(
    Array.from({ length: count }, () => CacheInstance.open({ truth, clock, redis: { ...PATIENT, port: redis.port } })),
  );
  for (const instance of started) instance.listen();
  open.push(...started);
  await connected(...started);
  return started;
}

describe('instances that share a Redis', () => {
  it('use an entry loaded by another instance for the rest of its lifetime', async () => {
    const [a, b] = await pair();
    truth.write('k', 'one');
    await a.get('k');
    await settled(a);
    await redis.send('PEXPIRE', 'test:h1:item:k', 10_000); // as after fifty seconds
    expect(await b.get('k')).toBe('one');
    expect(truth.asked).toBe(1);
    clock.advance(5_000);
    expect(b.cache.peek(ITEM, 'k')).toEqual({ text: 'one' });
    clock.advance(5_000);
    expect(b.cache.peek(ITEM, 'k')).toBeUndefined();
    expect(b.cache.snapshot()).toMatchObject({ redisHits: 1, loads: 0, misses: 0 });
  });

  it('count the time that an entry lay in Redis as part of the time that its value is valid', async () => {
    const [a, b] = await pair();
    truth.write('k', 'one', { validForMs: 90_000 });
    await a.get('k');
    await settled(a);
    await redis.send('PEXPIRE', 'test:h1:item:k', 10_000); // as after fifty seconds
    expect(await b.get('k')).toBe('one');
    truth.failure = new Error('away');
    await redis.send('DEL', 'test:h1:item:k'); // its own clock has not advanced
    clock.advance(39_000);
    expect(await b.get('k')).toBe('one');
    clock.advance(1_000);
    await expect(b.get('k')).rejects.toThrow('away');
    expect(b.cache.snapshot()).toMatchObject({ redisHits: 1 });
  });

  it('log a Redis hit with its key', async () => {
    const lines: unknown[] = [];
    const ignore = (): void => undefined;
    Logger.overrideLogger({ log: ignore, warn: ignore, error: ignore, debug: (line) => void lines.push(line) });
    const [a] = await pair();
    const b = await CacheInstance.open({
      truth,
      clock,
      redis: { ...PATIENT, port: redis.port },
      options: { logsHits: true },
    });
    open.push(b.listen());
    await connected(b);
    truth.write('k', 'one');
    await a.get('k');
    await settled(a);
    await b.get('k');
    Logger.overrideLogger(false);
    expect(lines).toEqual(['Cache HIT (redis) item:k']);
  });

  it('return frozen values from Redis as well', async () => {
    const [a, b] = await pair();
    truth.write('k', 'one');
    await a.get('k');
    await settled(a);
    expect(Object.isFrozen(await b.cache.getOrLoad(ITEM, 'k', truth.loader('k')))).toBe(true);
    expect(b.cache.snapshot().redisHits).toBe(1);
  });

  it('load once when four of them receive 1,000 simultaneous reads', async () => {
    const four = await instances(4);
    truth.write('crowd', 'one');
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, n) => (four[n % 4] as CacheInstance).get('crowd')),
    );
    expect(new Set(answers)).toEqual(new Set(['one']));
    expect(truth.asked).toBe(1);
  });

  it('load each of many keys once', async () => {
    const four = await instances(4);
    const keys = Array.from({ length: 50 }, (_, n) => `k${n}`);
    for (const key of keys) truth.write(key, key);
    await Promise.all(four.flatMap((instance) => keys.map((key) => instance.get(key))));
    expect(truth.asked).toBe(50);
  });

  it("load at most a second time when the lock's holder died", async () => {
    const [a, b] = await pair();
    truth.write('k', 'one');
    await redis.send('SET', 'test:lock:h1:item:k', 'an instance that died', 'PX', '300', 'NX');
    expect(await Promise.all([a.get('k'), b.get('k')])).toEqual(['one', 'one']);
    expect(truth.asked).toBeLessThanOrEqual(2);
  });

  it('do not wait forever for a lock that never expires or is no lock', async () => {
    const [a, b] = await pair();
    for (const key of ['k', 'l']) truth.write(key, 'one');
    await redis.send('SET', 'test:lock:h1:item:k', 'for ever');
    await redis.send('RPUSH', 'test:lock:h1:item:l', 'a list');
    expect(await Promise.all([a.get('k'), b.get('l')])).toEqual(['one', 'one']);
    expect(await redis.send('EXISTS', 'test:lock:h1:item:k', 'test:lock:h1:item:l')).toBe(0);
  });

  it('leave no lock in Redis', async () => {
    const [a] = await pair();
    truth.write('k', 'one');
    await Promise.all([a.get('k'), a.get('absent')]);
    await soon(async () => expect(await redis.send('KEYS', 'test:lock:*')).toEqual([]));
  });

  it('each reject when a load fails, and cache nothing of it', async () => {
    const [a, b] = await pair();
    truth.write('k', 'one');
    truth.failure = new Error('down');
    const outcomes = await Promise.allSettled([a.get('k'), b.get('k')]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    truth.failure = undefined;
    expect(await b.get('k')).toBe('one');
  });
});

describe('an instance that shares a Redis', () => {
  it('rejects and removes Redis entries older than an announced version', async () => {
    const [a, b] = await pair();
    truth.write('k', 'old');
    await a.get('k'); // a receives no further change
    await settled(a);
    b.cache.observeVersion('subject:k', truth.write('k', 'new'));
    expect(await b.get('k')).toBe('new');
    expect(b.cache.snapshot()).toMatchObject({ redisHits: 0, redisOutdated: 1 });
  });

  it('does not overwrite a newer value in Redis with an older one', async () => {
    const [a, b, c] = (await instances(3)) as [CacheInstance, CacheInstance, CacheInstance];
    truth.write('k', 'old');
    truth.hold(); // a has read the old one, and is late with it
    const late = a.get('k');
    await soon(async () => expect(truth.asked).toBe(1));
    await redis.send('DEL', 'test:lock:h1:item:k');
    truth.write('k', 'new');
    truth.passOthers();
    await b.get('k');
    await settled(b);
    truth.release();
    expect(await late).toBe('old');
    await settled(a);
    expect(await c.get('k')).toBe('new');
    expect(c.cache.snapshot()).toMatchObject({ redisHits: 1 });
  });

  it('ignores entries loaded before it began to listen, whatever the clocks of both say', async () => {
    const [a] = await pair();
    for (const key of ['before', 'after']) truth.write(key, 'old');
    await a.get('before');
    const isAhead = new StoppedClock();
    isAhead.advance(60_000);
    const young = await CacheInstance.open({ truth, clock: isAhead, redis: { ...PATIENT, port: redis.port } });
    open.push(young.listen());
    await a.get('after');
    await Promise.all([settled(a), connected(young)]);
    for (const key of ['before', 'after']) truth.write(key, 'new'); // unheard by all
    expect(await Promise.all(['before', 'after'].map((key) => young.get(key)))).toEqual(['new', 'old']);
  });

  it('ignores entries of a history that the source has lost, also those with a higher version', async () => {
    const [a, b] = await pair();
    for (const version of [4, 5, 6]) truth.write('k', 'lost', { version });
    await a.get('k');
    await settled(a);
    truth.history = 'h2';
    truth.write('k', 'restored', { version: 4 });
    const later = await CacheInstance.open({ truth, clock, redis: { ...PATIENT, port: redis.port } });
    open.push(later);
    for (const instance of [b, later]) instance.listen();
    await connected(later);
    expect(await Promise.all([b.get('k'), later.get('k')])).toEqual(['restored', 'restored']);
  });

  it('shares nothing that it has read from a server of another history', async () => {
    const [a, b] = await pair();
    truth.history = 'h2'; // a's feed is still connected to the former server
    truth.write('k', 'elsewhere');
    await a.get('k');
    await settled(a);
    expect(await redis.send('KEYS', 'test:*:item:k')).toEqual([]);
    truth.history = 'h1';
    truth.write('k', 'here');
    clock.advance(250);
    expect(await Promise.all([a.get('k'), b.get('k')])).toEqual(['here', 'here']);
  });

  it('takes nothing from Redis that was loaded before everything was invalidated', async () => {
    const [a, b] = await pair();
    truth.write('k', 'old');
    await a.get('k');
    await settled(a);
    truth.write('k', 'new');
    b.cache.invalidateAll();
    expect(await b.get('k')).toBe('new');
    expect(b.cache.snapshot()).toMatchObject({ redisHits: 0 });
  });

  it('neither reads nor writes Redis while changes may be missed', async () => {
    const [a, b] = await pair();
    truth.write('k', 'one');
    await a.get('k');
    await settled(a);
    b.cache.feedLost();
    truth.write('k', 'two');
    truth.write('l', 'one');
    expect(await b.get('k')).toBe('two');
    await b.get('l');
    await settled(b);
    expect(await redis.send('EXISTS', 'test:h1:item:l')).toBe(0);
  });

  it('dates entries by when the load began, so that a late answer does not count as new', async () => {
    const [a] = await pair();
    truth.write('k', 'old');
    truth.hold();
    const late = a.get('k');
    await soon(async () => expect(truth.asked).toBe(1));
    const young = await CacheInstance.open({ truth, clock, redis: { ...PATIENT, port: redis.port } });
    open.push(young);
    truth.write('k', 'new'); // before the young one listens, and after the late answer was read
    young.listen();
    truth.release();
    await late;
    await Promise.all([settled(a), connected(young)]);
    expect(await young.get('k')).toBe('new');
  });

  it("shares a key's entry after the key moved to a subject with lower versions", async () => {
    const [a, b] = await pair();
    truth.write('slug', 'first', { subject: 'tenant:1', version: 50 });
    await a.get('slug');
    await settled(a);
    truth.write('slug', 'second', { subject: 'tenant:2', version: 1 });
    for (const { cache } of [a, b]) cache.observeVersion('tenant:1', 51);
    expect(await a.get('slug')).toBe('second');
    await settled(a);
    expect(await b.get('slug')).toBe('second');
    expect(b.cache.snapshot()).toMatchObject({ redisHits: 1, loads: 0 });
  });

  it('neither shares nor takes entries of a subject whose version went back', async () => {
    const [a, b] = await pair();
    for (let version = 1; version <= 5; version += 1) truth.write('k', `old ${version}`);
    await a.get('k');
    await settled(a);
    const removed = truth.remove('k');
    for (const { cache } of [a, b]) cache.observeVersion('subject:k', removed);
    const back = truth.write('k', 'back');
    for (const { cache } of [a, b]) cache.observeVersion('subject:k', back);
    expect([await a.get('k'), await b.get('k')]).toEqual(['back', 'back']);
    await Promise.all([settled(a), settled(b)]);
    expect(await redis.send('EXISTS', 'test:h1:item:k')).toBe(0);
  });
});

async function pair(): Promise<[CacheInstance, CacheInstance]> {
  return (await instances(2)) as [CacheInstance, CacheInstance];
}
