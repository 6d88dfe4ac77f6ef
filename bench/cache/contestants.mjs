import { randomBytes } from 'node:crypto';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisDriver } from 'bentocache/drivers/redis';
import { createCache, KeyvAdapter } from 'cache-manager';
import { redisInsStore } from 'cache-manager-ioredis-yet';
import { Keyv } from 'keyv';
import { CacheStatistics } from '../../dist/cache/contract/cache-statistics.js';
import { openRedisTier } from '../../dist/cache/redis/open-redis-tier.js';
import { TieredCache } from '../../dist/cache/tiers/tiered-cache.js';
import { loadConfig } from '../../dist/platform/config/load-config.js';
import { KeyRing } from '../../dist/platform/encryption/key-ring.js';
import { TENANT } from '../../dist/tenant/directory/cached-kinds.js';
import { HandMadeCache } from './hand-made-cache.mjs';
import { carefulClient, plainClient, ready } from './redis-clients.mjs';

const MAX_ENTRIES = 10_000;
const TTL_MS = 300_000;
const GRACE_MS = 3_600_000;

/**
 * A contestant opens instances, each with an empty memory and its own connection to the same Redis. `getOrLoad` reads
 * through; `get` returns a cached value, synchronously where the cache supports that (`isSync`).
 */

/** Ours, assembled as CacheModule does it. */
export const ours = {
  name: 'ours',
  isSync: true,
  open: async (port) => {
    const { config } = loadConfig({ env: environment(port), cwd: import.meta.dirname });
    const statistics = new CacheStatistics();
    const tier = await openRedisTier(config, new KeyRing(config), statistics);
    await ready(tier.client);
    const cache = new TieredCache(OPTIONS, tier, statistics);
    cache.feedRestored({ history: 'bench', sequence: 1 });
    return {
      get: (key) => cache.peek(TENANT, key),
      getOrLoad: (key, load) => cache.getOrLoad(TENANT, key, async () => loaded(await load())),
      close: () => tier.close(),
    };
  },
};

const encryptionKey = `bench:${randomBytes(32).toString('base64')}`;

function environment(port) {
  return {
    DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', // required by the configuration; nothing here connects to it
    REDIS_HOST: '127.0.0.1',
    REDIS_PORT: String(port),
    ADMIN_API_KEY: 'no-request-ever-needs-it',
    ENCRYPTION_KEYS: encryptionKey,
  };
}

const OPTIONS = {
  ttlMs: TTL_MS,
  absenceTtlMs: 5_000,
  graceMs: GRACE_MS,
  loadTimeoutMs: 5_000,
  maxEntries: MAX_ENTRIES,
};

function loaded(value) {
  return { value, subject: `tenant:${value.id}`, version: value.version, readAt: { history: 'bench', sequence: 2 } };
}

/** cache-manager with two stores. Its memory is Keyv's plain `Map`, the fastest it has, which is unbounded. */
export const cacheManager = {
  name: 'cache-manager wrap',
  open: async (port) => {
    const client = await carefulClient(port);
    const memory = new Keyv();
    const redis = new Keyv({ store: new KeyvAdapter(redisInsStore(client)), namespace: 'cache-manager' });
    redis.on('error', () => undefined);
    const cache = createCache({ stores: [memory, redis], ttl: TTL_MS });
    return {
      get: (key) => cache.get(key),
      getOrLoad: (key, load) => cache.wrap(key, load),
      close: () => client.disconnect(),
    };
  },
};

/** Memory and Redis, with its circuit breaker. Its memory holds text, and each reader gets its own copy. */
export const bentoCache = bento('BentoCache', {});
/**
 * The same, sharing references as ours does. For memory hits only: version 1.6.1 stores values from Redis as text
 * nevertheless, and throws when it reads one again ("Cannot read properties of undefined (reading 'deserialize')").
 */
export const sharingBentoCache = bento('BentoCache, no copies', { serialize: false });

function bento(name, memoryOptions) {
  return {
    name,
    open: async (port) => {
      const connection = await carefulClient(port);
      const store = bentostore()
        .useL1Layer(memoryDriver({ maxItems: MAX_ENTRIES, ...memoryOptions }))
        .useL2Layer(redisDriver({ connection }));
      const cache = new BentoCache({
        default: 'tiered',
        stores: { tiered: store },
        prefix: name.replaceAll(/\W/g, ''),
        ttl: TTL_MS,
        grace: GRACE_MS, // a number: a duration as text is parsed at every call
        timeout: 0,
        l2CircuitBreakerDuration: 2_000,
      });
      return {
        get: (key) => cache.get({ key }),
        getOrLoad: (key, load) => cache.getOrSet({ key, factory: load }),
        close: () => connection.disconnect(),
      };
    },
  };
}

/** lru-cache and ioredis, combined by hand. */
export const handMade = byHand('lru-cache + ioredis', carefulClient);
/** The same with ioredis's defaults: calls have no time limit. */
export const carelessHandMade = byHand('the same, ioredis as it comes', plainClient);

function byHand(name, connect) {
  return {
    name,
    isSync: true,
    open: async (port) => {
      const client = await connect(port);
      const cache = new HandMadeCache(client, { maxEntries: MAX_ENTRIES, ttlMs: TTL_MS, prefix: `${name}:` });
      return {
        get: (key) => cache.get(key),
        getOrLoad: (key, load) => cache.getOrLoad(key, load),
        close: () => client.disconnect(),
      };
    },
  };
}
