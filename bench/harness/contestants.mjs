import { resolve } from 'node:path';
import { Program } from './program.mjs';

const scriptOf = (path) => new URL(`../../${path}`, import.meta.url).pathname;

/**
 * The application as it is run: `node dist/main.js`. The memory tier alone; a line of log only when something is wrong.
 *
 * @param checkout folder of another, built checkout of it; default: this one
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
      // Three entries for each tenant; the default of 10,000 is for some 3,000 tenants.
      CACHE_MEMORY_MAX_ENTRIES: '50000',
      // 256 callers of one tenant shall wait, as they do elsewhere, and not be refused.
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

/** The application once more, differently: an earlier state of it (`--before`), or called by its address. */
export const VARIANTS = {
  before: { name: 'before', requests: {} },
  address: { name: 'called by address', requests: { host: null } },
};

/**
 * @param url of its database
 * @param keysFile the API keys it knows
 */
export function startPeer({ name, folder, role }, { url, keysFile, env = {} }) {
  const isApart = folder === 'nestjs-multitenant';
  return Program.start({
    name,
    path: scriptOf(isApart ? `bench/peers/${folder}/dist/${folder}/main.js` : `bench/peers/dist/${folder}/main.js`),
    role,
    env: { DATABASE_URL: url, API_KEYS_FILE: keysFile, ...env },
  });
}
