import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { ParentWatch } from '../../../src/dev/embedded-postgres/parent-watch.js';
import { CacheInstance, ITEM, type RedisSettings, StoppedClock, Truth } from '../../support/cache/cache-rig.js';
import { connected } from '../../support/cache/cache-settled.js';
import { freePort } from '../../support/processes/free-port.js';
import { soon } from '../../support/load/soon.js';
import { TestRedis } from '../../support/redis/test-redis.js';

const KEYS = Array.from({ length: 30 }, (_, n) => `k${n}`);

const cleanup: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

async function start(args: string[] = []): Promise<TestRedis> {
  const redis = await TestRedis.start(args);
  cleanup.push(() => redis.stop());
  return redis;
}

async function pair(redis: RedisSettings): Promise<[CacheInstance, CacheInstance]> {
  const shared = { truth: new Truth(), clock: new StoppedClock(), redis };
  const [a, b] = await Promise.all([CacheInstance.open(shared), CacheInstance.open(shared)]);
  for (const instance of [a, b]) instance.listen();
  cleanup.push(() => [a, b].forEach((instance) => instance.close()));
  for (const key of KEYS) a.truth.write(key, key);
  await connected(a, b);
  return [a, b];
}

/** What one instance loads, the other one takes from Redis, sooner or later: nodes are connected when they are needed. */
async function share(a: CacheInstance, b: CacheInstance): Promise<void> {
  await soon(async () => {
    await Promise.all([a, b].map(({ cache }) => cache.clear()));
    a.truth.asked = 0;
    await Promise.all(KEYS.map((key) => a.get(key)));
    for (const key of KEYS) await a.tier?.get(`item:${key}`, ITEM.schema); // behind what was written, on each node
    expect(await Promise.all(KEYS.map((key) => b.get(key)))).toEqual(KEYS);
    expect(a.truth.asked).toBe(KEYS.length);
  });
}

describe('a Redis cluster', () => {
  it('is shared like a single Redis over all its masters and cleared on all of them', async () => {
    const nodes = await Promise.all([1, 2, 3].map(() => start(['--cluster-enabled', 'yes'])));
    await makeCluster(nodes);
    const [first] = nodes as [TestRedis];
    const [a, b] = await pair({ clusterNodes: [first.address] });
    await share(a, b);
    const sizes = await Promise.all(nodes.map((node) => node.send('DBSIZE')));
    expect(sizes.every((size) => Number(size) > 0)).toBe(true);
    await nodes[1]?.send('SET', await keyOf(nodes[1], 'foreign'), 'stays');
    await a.cache.clear();
    const left = await Promise.all(nodes.map((node) => node.send('KEYS', '*')));
    expect(left.flat()).toEqual([expect.stringMatching(/^foreign/)]);
  });

  it('that lost a master fails no read', async () => {
    const nodes = await Promise.all(
      [1, 2, 3].map(() => start(['--cluster-enabled', 'yes', '--cluster-require-full-coverage', 'no'])),
    );
    await makeCluster(nodes);
    const [first, second] = nodes as [TestRedis, TestRedis];
    const [a, b] = await pair({ clusterNodes: [first.address] });
    await second.stop();
    for (const instance of [a, b]) {
      expect(await Promise.all(KEYS.map((key) => instance.get(key)))).toEqual(KEYS);
    }
  });
});

describe('Redis sentinels', () => {
  it('lead to the master, and to its successor after a fail-over', async () => {
    const master = await start();
    const replica = await start(['--replicaof', `127.0.0.1 ${master.port}`]);
    const sentinel = await startSentinel(master);
    await soon(async () => expect(await ask(sentinel.port, 'SENTINEL', 'replicas', 'main')).toHaveLength(1));
    const [a, b] = await pair({ sentinels: [{ host: '127.0.0.1', port: sentinel.port }], sentinelMaster: 'main' });
    await share(a, b);
    await soon(async () => expect(await ask(sentinel.port, 'SENTINEL', 'FAILOVER', 'main')).toBe('OK'));
    await soon(async () => expect(String(await replica.send('INFO', 'replication'))).toContain('role:master'));
    await master.stop();
    await connected(a, b);
    await share(a, b);
    expect(await replica.send('DBSIZE')).toBe(KEYS.length);
  });
});

describe('TLS to Redis', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tenantry-tls-'));
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', ...subject, ...files], {
      stdio: 'ignore',
    });
  });

  afterAll(() => rm(folder, { recursive: true }));

  it.each([
    ['REDIS_TLS', (port: number) => ({ host: 'localhost', port, tls: true })],
    ['a rediss:// URL', (port: number) => ({ url: `rediss://localhost:${port}/0` })],
  ])('with %s accepts a trusted certificate and no other', async (_how, settings) => {
    const port = await freePort();
    const tls = ['--tls-port', `${port}`, '--tls-auth-clients', 'no'];
    await start([...tls, '--tls-cert-file', join(folder, 'cert.pem'), '--tls-key-file', join(folder, 'key.pem')]);
    expect(await statusIn(settings(port), { NODE_EXTRA_CA_CERTS: join(folder, 'cert.pem') })).toContain(
      'connected: true',
    );
    expect(await statusIn(settings(port), {})).toContain('connected: false');
  });

  /** In a process of its own: which certificates are trusted is read when one starts. */
  async function statusIn(settings: RedisSettings, env: Record<string, string>): Promise<string> {
    const program = join(folder, 'program.mjs');
    await writeFile(
      program,
      `const { openRedisTier } = await import(${JSON.stringify(join(process.cwd(), 'dist/cache/redis/open-redis-tier.js'))});
       const redis = { db: 0, tls: false, keyPrefix: 'x', sentinels: [], clusterNodes: [], ...${JSON.stringify(settings)} };
       const tier = await openRedisTier({ cache: { redisEnabled: true, redis } }, {}, {});
       let isAway = false;
       const { write } = process.stdout;
       process.stdout.write = (text, ...more) => {
         isAway ||= text.includes('Redis unavailable');
         return write.call(process.stdout, text, ...more);
       };
       while (!tier.isConnected && !isAway) await new Promise((resolve) => setTimeout(resolve, 10));
       console.log('connected: ' + tier.isConnected);
       process.exit(0);`,
    );
    return (await promisify(execFile)(process.execPath, [program], { env: { ...process.env, ...env } })).stdout;
  }
});

async function makeCluster(nodes: TestRedis[]): Promise<void> {
  const [first] = nodes as [TestRedis];
  const slots = [
    ['0', '5460'],
    ['5461', '10922'],
    ['10923', '16383'],
  ];
  await Promise.all(nodes.map((node, n) => node.send('CLUSTER', 'ADDSLOTSRANGE', ...(slots[n] ?? []))));
  for (const node of nodes.slice(1)) await node.send('CLUSTER', 'MEET', '127.0.0.1', first.port);
  await soon(async () => {
    for (const node of nodes) {
      const info = String(await node.send('CLUSTER', 'INFO'));
      expect(info).toContain('cluster_state:ok');
      expect(info).toContain('cluster_known_nodes:3');
    }
  });
}

/** A key of this name that belongs to the node. */
async function keyOf(node: TestRedis | undefined, name: string): Promise<string> {
  for (let n = 0; ; n += 1) {
    const slot = Number(await node?.send('CLUSTER', 'KEYSLOT', `${name}${n}`));
    if (slot >= 5461 && slot <= 10922) return `${name}${n}`;
  }
}

/** Sentinels want a file that they may write to, and it comes first: not what `TestRedis` starts. */
async function startSentinel(master: TestRedis): Promise<{ readonly port: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-sentinel-'));
  const port = await freePort();
  const config = join(folder, 'sentinel.conf');
  const timings = ['down-after-milliseconds main 1000', 'failover-timeout main 3000'];
  const lines = [`monitor main 127.0.0.1 ${master.port} 1`, ...timings].map((line) => `sentinel ${line}\n`);
  await writeFile(config, lines.join(''));
  const network = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder];
  const command = ['-c', 'exec redis-server "$0" "$@" >&2', config, '--sentinel', ...network];
  const sentinel = new ParentWatch('/bin/sh', command, { cwd: '/', env: { PATH: process.env['PATH'] } });
  cleanup.push(async () => {
    await sentinel.stop(['INT', 'KILL'], 3_000);
    await rm(folder, { recursive: true });
  });
  return { port };
}

/** One command to a server that is not a `TestRedis`. */
async function ask(port: number, command: string, ...args: string[]): Promise<unknown> {
  const client = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: () => null });
  client.on('error', () => undefined); // what fails says so itself
  try {
    await client.connect();
    return await client.call(command, ...args);
  } finally {
    client.disconnect();
  }
}
