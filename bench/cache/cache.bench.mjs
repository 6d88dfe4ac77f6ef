// Compares the cache with cache-manager, BentoCache, and lru-cache with ioredis by hand, in one interleaved run of
// under two minutes, with its own Redis and PostgreSQL. Run it with `npm run bench:cache`. What is fair about it and
// what is not: bench/README.md.
import { Logger } from '@nestjs/common';
import { startRedis } from '../../test/support/redis/redis-server.mjs';
import { checkAims } from './aims.mjs';
import { catalogQueries } from './catalog-queries.mjs';
import { bentoCache, cacheManager, carelessHandMade, handMade, ours, sharingBentoCache } from './contestants.mjs';
import { frozenRedis } from './frozen-redis.mjs';
import { memoryHits } from './memory-hit.mjs';
import { redisHits } from './redis-hit.mjs';
import { plainClient } from './redis-clients.mjs';
import { aimsTable, environment, save, table } from './report.mjs';
import { stampedes } from './stampede.mjs';

const CONTESTANTS = [ours, cacheManager, bentoCache, handMade];
const KEYS = 1_000;

Logger.overrideLogger(['error']); // ours logs a lost Redis connection each time an instance closes
const redis = await startRedis();
try {
  const memory = await hitsInMemory();
  const shared = await hitsInRedis();
  const stampede = await misses(1);
  const spread = await misses(4);
  const frozen = await whileFrozen();
  const { postgresVersion, results } = await catalogQueries(redis.port);
  const catalog = catalogSection(results);
  const sections = [memory, shared, stampede, spread, frozen, catalog];
  const aims = checkAims({ memory, stampede, spread, frozen, catalog });
  const text = [...sections.map(table), aimsTable(aims)].join('\n\n');
  const env = await environment({ postgres: postgresVersion, redis: await redisVersion() });
  console.log(`${text}\n\nSaved as ${await save({ env, sections, aims }, text)}`);
  if (aims.some(({ reached }) => !reached)) process.exitCode = 1;
} finally {
  await redis.stop();
}

async function hitsInMemory() {
  return {
    title: `A hit in memory, over ${KEYS} keys`,
    note: 'ns. `get`: reads a cached value, synchronously (`peek`) where the cache supports that, otherwise awaited. `read through`: the call that would load, awaited.',
    columns: [
      ['get, CPU ns', 'getCpu'],
      ['this : ours', 'getCpu', 'ratio'],
      ['wall ns', 'getWall'],
      ['read through, CPU ns', 'throughCpu'],
      ['this : ours', 'throughCpu', 'ratio'],
      ['wall ns', 'throughWall'],
    ],
    results: await memoryHits([...CONTESTANTS, sharingBentoCache], redis.port, KEYS),
  };
}

async function hitsInRedis() {
  return {
    title: 'A hit in Redis, stored by another instance',
    note: 'Alone: one caller, one key after another. The other columns: 64 callers. Ours decrypts the value and checks its schema.',
    columns: [
      ['alone, µs', 'aloneUs'],
      ['this : ours', 'aloneUs', 'ratio'],
      ['64 callers, per second', 'perSecond'],
      ['this : ours', 'perSecond', 'ratio'],
      ['CPU µs', 'cpuUs'],
      ['loads', 'loads'],
    ],
    results: await redisHits(CONTESTANTS, redis.port),
  };
}

async function misses(instances) {
  return {
    title: `A miss under a stampede of 1,000 callers, ${instances === 1 ? 'one instance' : `over ${instances} instances`}`,
    note: 'The load takes 20 ms. Time until every caller has the value.',
    columns: [
      ['loads', 'loads'],
      ['ms', 'ms'],
      ['this : ours', 'ms', 'ratio'],
    ],
    results: await stampedes(CONTESTANTS, redis.port, instances),
  };
}

async function whileFrozen() {
  return {
    title: 'Redis frozen (SIGSTOP)',
    note: '64 callers; one request in ten is a miss with a load of 2 ms. The others have our time limit of 100 ms as an ioredis option, except the last.',
    columns: [
      ['requests per second', 'perSecond'],
      ['this : ours', 'perSecond', 'ratio'],
      ['miss p50 ms', 'missP50'],
      ['miss p99 ms', 'missP99'],
      ['miss max ms', 'missWorst'],
      ['failed', 'failed'],
    ],
    results: await frozenRedis([...CONTESTANTS, carelessHandMade], redis),
  };
}

function catalogSection(results) {
  return {
    title: 'Statements on the catalog per 10,000 requests of 100 tenants',
    note: 'GET /api/v1/tenant with an API key through the whole application, in process; counted by PostgreSQL (pg_stat_statements). A single caller fills the cache with one statement for each key, each tenant and the target that they share.',
    columns: [
      ['statements', 'statements'],
      ['fewer, %', 'fewerPercent'],
      ['requests per second', 'perSecond'],
    ],
    results: results.map((result) => ({
      ...result,
      fewerPercent: (1 - result.statements / results[0].statements) * 100,
    })),
  };
}

async function redisVersion() {
  const client = await plainClient(redis.port);
  const info = await client.info('server');
  client.disconnect();
  return /redis_version:(\S+)/.exec(info)?.[1] ?? 'unknown';
}
