import { CACHE } from '../../dist/cache/contract/cache.js';
import { TenantDirectory } from '../../dist/tenant/directory/tenant-directory.js';
import { CatalogApp } from './catalog-app.mjs';

const TENANTS = 100;
const REQUESTS = 10_000;
const CALLERS = 64;
const QUESTIONS = ['findById', 'findBySlug', 'findByDomain', 'findApiKey', 'findTarget'];

/**
 * Statements that the catalog is sent for 10,000 requests of 100 tenants in turn, as PostgreSQL counts them.
 *
 * @returns {Promise<{ postgresVersion: string, results: { name: string, statements: number, perSecond: number }[] }>}
 */
export async function catalogQueries(redisPort) {
  const app = await CatalogApp.start(redisPort, TENANTS);
  try {
    const cache = app.get(CACHE);
    const results = [];
    const measure = async (name, callers) => results.push({ name, ...(await load(app, callers)) });
    await load(app, CALLERS, REQUESTS / 5); // compiles it
    await withoutCache(cache, () =>
      oneStatementEach(app, () => measure('no cache, a statement per question', CALLERS)),
    );
    await withoutCache(cache, () => measure('no cache, questions asked together', CALLERS));
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

/** Every look-up goes to the catalog. */
async function withoutCache(cache, work) {
  cache.peek = () => undefined;
  cache.getOrLoad = async (_kind, _key, ask) => (await ask())?.value ?? null;
  try {
    await work();
  } finally {
    delete cache.peek; // the class's own shows again
    delete cache.getOrLoad;
  }
}

/** The directory asks together what is asked at once; one that is made for a single question cannot. */
async function oneStatementEach(app, work) {
  const directory = app.get(TenantDirectory);
  const { catalog, defaultServer, keyRing } = directory;
  for (const question of QUESTIONS) {
    directory[question] = (key) => new TenantDirectory(catalog, defaultServer, keyRing)[question](key);
  }
  try {
    await work();
  } finally {
    for (const question of QUESTIONS) delete directory[question];
  }
}
