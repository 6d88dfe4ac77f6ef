import { CACHE } from '../../dist/cache/contract/cache.js';
import { TenantDirectory } from '../../dist/tenant/directory/tenant-directory.js';
import { CatalogApp } from './catalog-app.mjs';

const TENANTS = 100;
const REQUESTS = 10_000;
const CALLERS = 64;
const LOOKUPS = ['findById', 'findBySlug', 'findByDomain', 'findApiKey', 'findTarget'];

/**
 * Measures the statements sent to the catalog for 10,000 requests of 100 tenants in turn, as counted by PostgreSQL.
 *
 * @returns {Promise<{ postgresVersion: string, results: { name: string, statements: number, perSecond: number }[] }>}
 */
export async function catalogQueries(redisPort) {
  const app = await CatalogApp.start(redisPort, TENANTS);
  try {
    const cache = app.get(CACHE);
    const results = [];
    const measure = async (name, callers) => results.push({ name, ...(await load(app, callers)) });
    await load(app, CALLERS, REQUESTS / 5); // warm-up
    await withoutCache(cache, () =>
      oneStatementEach(app, () => measure('no cache, one statement per lookup', CALLERS)),
    );
    await withoutCache(cache, () => measure('no cache, lookups batched', CALLERS));
    await cache.clear();
    await measure('cache, empty at first, 64 callers', CALLERS);
    await cache.clear();
    await measure('cache, empty at first, one caller', 1);
    await measure('cache, filled', CALLERS);
    return { postgresVersion: app.postgresVersion, results };
  } finally {
    await app.stop();
  }
}

async function load(app, callers, requests = REQUESTS) {
  let next = 0;
  const call = async () => {
    while (next < requests) await app.request(next++ % TENANTS);
  };
  const since = performance.now();
  const statements = await app.countStatements(() => Promise.all(Array.from({ length: callers }, call)));
  return { statements, perSecond: (requests * 1e3) / (performance.now() - since) };
}

/** Sends every lookup to the catalog. */
async function withoutCache(cache, work) {
  cache.peek = () => undefined;
  cache.getOrLoad = async (_kind, _key, load) => (await load())?.value ?? null;
  try {
    await work();
  } finally {
    delete cache.peek; // restores the class's own method
    delete cache.getOrLoad;
  }
}

/** The directory batches simultaneous lookups; a new directory for each lookup cannot. */
async function oneStatementEach(app, work) {
  const directory = app.get(TenantDirectory);
  const { catalog, defaultServer, keyRing } = directory;
  for (const lookup of LOOKUPS) {
    directory[lookup] = (key) => new TenantDirectory(catalog, defaultServer, keyRing)[lookup](key);
  }
  try {
    await work();
  } finally {
    for (const lookup of LOOKUPS) delete directory[lookup];
  }
}
