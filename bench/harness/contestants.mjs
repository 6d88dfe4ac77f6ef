import { resolve } from 'node:path';
import { Program } from './program.mjs';

const scriptOf = (path) => new URL(`../../${path}`, import.meta.url).pathname;

/**
 * Starts the application as in production: `node dist/main.js`, with the memory tier only, and logging only warnings.
 *
 * @param checkout folder of another, built checkout; default: this one
 */
export function startOurs(postgres, { secrets, connections, env = {}, name = 'tenantry', checkout }) {
  return Program.start({
    name,
    path: checkout === undefined ? scriptOf('dist/main.js') : resolve(checkout, 'dist/main.js'),
    role: undefined,
    env: {
      DATABASE_URL: postgres.url,
      DATA_DIR: postgres.dataDir,
      ...secrets,
      LOG_LEVEL: 'warn',
      ENABLE_REDIS_CACHE: 'false',
      ENABLE_DEMO_TENANTS: 'false',
      DB_SERVER_MAX_CONNECTIONS: String(connections),
      // Three entries per tenant; the default of 10,000 is enough for some 3,000 tenants.
      CACHE_MEMORY_MAX_ENTRIES: '50000',
      // 256 callers of one tenant should wait, as with the peers, and not be rejected.
      TENANT_MAX_QUEUED: '1000',
      ...env,
    },
  });
}

export const PEERS = {
  single: { name: 'single tenant', folder: 'single-tenant', role: 'peer_single' },
  map: { name: 'Map of DataSources', folder: 'map-of-data-sources', role: 'peer_map' },
  perRequest: { name: 'connection per request', folder: 'connection-per-request', role: 'peer_per_request' },
  sourcePerRequest: { name: 'DataSource per request', folder: 'connection-per-request', role: 'peer_source' },
  multitenant: { name: 'nestjs-multitenant', folder: 'nestjs-multitenant', role: 'peer_multitenant' },
  floor: { name: 'floor', folder: 'floor', role: 'peer_floor' },
};

/** Variants of the application: another checkout (`--before`), or called by its address. */
export const VARIANTS = {
  before: { name: 'before', requests: {} },
  address: { name: 'called by address', requests: { host: null } },
};

/**
 * @param url database URL
 * @param keysFile path of the API keys that it accepts
 */
export function startPeer({ name, folder, role }, { url, keysFile, env = {} }) {
  const hasOwnBuild = folder === 'nestjs-multitenant';
  return Program.start({
    name,
    path: scriptOf(hasOwnBuild ? `bench/peers/${folder}/dist/${folder}/main.js` : `bench/peers/dist/${folder}/main.js`),
    role,
    env: { DATABASE_URL: url, API_KEYS_FILE: keysFile, ...env },
  });
}
