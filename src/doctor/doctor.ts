import { withDeadline } from '../platform/timeout.js';
import { DEFAULT_SERVER } from '../catalog/catalog-target.js';
import { ServerOwner } from '../catalog/server-owner.js';
import { ConfigurationError } from '../platform/config/config.errors.js';
import { type LoadedConfig, loadConfig } from '../platform/config/load-config.js';
import { targetOfUrl } from '../database/connection/database-url.js';
import { poolOptions } from '../database/pool/pool-options.js';
import type { TenantSchema } from '../database/table-migrations/tenant-schema.js';
import { KeyRing } from '../platform/encryption/key-ring.js';
import { accessCatalog, type CatalogAccess } from '../catalog/catalog-access.js';
import { queryInParallel } from './diagnosis/query-server.js';
import { readCatalogState, readServersAndTargets } from './diagnosis/catalog-state.js';
import { clock } from './checks/clock.js';
import { configuration } from './checks/configuration.js';
import { loginRoles } from './checks/login-roles.js';
import { migrations } from './checks/migrations.js';
import { nodeVersion } from './checks/node-version.js';
import { pooler } from './checks/pooler.js';
import { redis } from './checks/redis.js';
import { encryptedValues } from './checks/encrypted-values.js';
import { servers } from './checks/servers.js';
import { stuckTenants } from './checks/stuck-tenants.js';
import { tenantTables } from './checks/tenant-tables.js';
import type { Check, Configured, Diagnosis } from './diagnosis/diagnosis.js';
import { fail, type Finding, reasonOf } from './diagnosis/finding.js';
import { stateOfServer } from './diagnosis/server-state.js';
import { mapConcurrently } from '../platform/map-concurrently.js';

const WITHOUT_DATABASE: readonly Check<Configured>[] = [nodeVersion, configuration, redis];
const OF_CATALOG: readonly Check<Diagnosis>[] = [
  ...[servers, clock, pooler, loginRoles, tenantTables, migrations, stuckTenants, encryptedValues],
];

/** What a check may take altogether; with thousands of databases that is what it takes to ask them all. */
const CHECK_TIMEOUT_MS = 120_000;
const CATALOG_TIMEOUT_MS = 20_000;

export interface DoctorOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly schema: TenantSchema;
}

/**
 * Looks at everything that has to be so for tenants to be served and kept apart. It changes nothing: not even the
 * catalog's own tables are migrated. What cannot be looked at is a failure, and hides nothing else.
 */
export async function diagnose({ env, cwd, schema }: DoctorOptions): Promise<readonly Finding[]> {
  const loaded = load(env, cwd);
  if (Array.isArray(loaded)) return loaded;
  const configured: Configured = { loaded, schema };
  const without = run(WITHOUT_DATABASE, configured);
  const [first, second] = await Promise.all([without, withDatabase(configured)]);
  return [...first, ...second];
}

function load(env: NodeJS.ProcessEnv, cwd: string): LoadedConfig | Finding[] {
  try {
    return loadConfig({ env, cwd });
  } catch (error) {
    const remedy = 'see .env.example';
    if (!(error instanceof ConfigurationError)) return [fail(configuration.name, reasonOf(error), remedy)];
    return error.problems.map(({ variable, expected }) =>
      fail(configuration.name, `expected ${expected}`, remedy, variable),
    );
  }
}

async function withDatabase(configured: Configured): Promise<Finding[]> {
  let access: CatalogAccess;
  try {
    access = await accessCatalog(configured.loaded.config);
  } catch (error) {
    return [fail('catalog', `embedded PostgreSQL: ${reasonOf(error)}`, 'see above, or set DATABASE_URL')];
  }
  try {
    return await diagnoseCatalog(configured, access);
  } catch (error) {
    return [fail('catalog', `cannot be reached: ${reasonOf(error)}`, 'start it, or correct DATABASE_URL')];
  } finally {
    await access.close();
  }
}

async function diagnoseCatalog(configured: Configured, access: CatalogAccess): Promise<Finding[]> {
  const { config } = access;
  const { url, directUrl } = config.database;
  const target = targetOfUrl(directUrl ?? url ?? '', DEFAULT_SERVER);
  const options = poolOptions(config);
  return queryInParallel(target, options, async (catalog) => {
    const { findings, isReadable } = await withDeadline(readCatalogState(catalog), CATALOG_TIMEOUT_MS);
    if (!isReadable) return findings;
    const keyRing = new KeyRing(config);
    const owner = new ServerOwner(target, keyRing);
    const places = await readServersAndTargets(catalog);
    const states = await mapConcurrently(places.servers, (server) => stateOfServer(server, owner, options));
    const known = { access, catalog, options, keyRing, owner, servers: states, targets: places.targets };
    return [...findings, ...(await run(OF_CATALOG, { ...configured, ...known }))];
  });
}

/** In the order of the checks, whichever is ready first. */
async function run<Of>(checks: readonly Check<Of>[], of: Of): Promise<Finding[]> {
  const outcomes = await Promise.all(
    checks.map(async ({ name, look }) => {
      try {
        return await withDeadline(Promise.resolve(look(of)), CHECK_TIMEOUT_MS);
      } catch (error) {
        return [fail(name, `could not be looked at: ${reasonOf(error)}`, 'mend what is above first')];
      }
    }),
  );
  return outcomes.flat();
}
