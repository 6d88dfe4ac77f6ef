import { withDeadline } from '../platform/timeout.js';
import { DEFAULT_SERVER } from '../catalog/catalog-target.js';
import { findCatalogSchema } from '../catalog/catalog-schema.js';
import { CatalogSchemaError } from '../catalog/catalog.errors.js';
import { ServerOwner } from '../catalog/server-owner.js';
import { ConfigurationError } from '../platform/config/config.errors.js';
import type { LoadedConfig } from '../platform/config/load-config.js';
import { targetOfUrl } from '../database/connection/connection-target.js';
import { poolOptions } from '../database/pool/pool-options.js';
import type { TenantSchema } from '../database/table-migrations/tenant-schema/tenant-schema.js';
import { KeyRing } from '../platform/encryption/key-ring.js';
import { accessCatalog, type CatalogAccess } from '../catalog/catalog-access.js';
import { queryCatalog, queryServer } from './diagnosis/query-server.js';
import { readCatalogState, readServersAndTargets } from './diagnosis/catalog-state.js';
import { backups } from './checks/backups/backups.js';
import { backupAgesCheck } from './checks/backups/backup-ages.js';
import { backupDrillsCheck } from './checks/backups/backup-drills.js';
import { clock } from './checks/clock.js';
import { entities } from './checks/tables/entities.js';
import { configuration } from './checks/configuration.js';
import { leftovers } from './checks/places/leftovers.js';
import { movedRows } from './checks/places/moved-rows.js';
import { unknownTenants } from './checks/places/unknown-tenants.js';
import { loginRoles } from './checks/login-roles.js';
import { migrations } from './checks/tables/migrations.js';
import { nodeVersion } from './checks/node-version.js';
import { pooler } from './checks/pooler/pooler.js';
import { referenceData } from './checks/tables/reference-data.js';
import { replicas } from './checks/replicas.js';
import { redis } from './checks/redis.js';
import { distribution } from './checks/distribution.js';
import { exposure } from './checks/exposure.js';
import { indexConditions } from './checks/tables/index-conditions.js';
import { encryptedValues } from './checks/encrypted-values.js';
import { servers } from './checks/servers.js';
import { settings } from './checks/settings.js';
import { stamps } from './checks/stamps.js';
import { stuckTenants } from './checks/stuck-tenants.js';
import { tenantTables } from './checks/tables/tenant-tables.js';
import type { Check, ConfigContext, CatalogContext } from './diagnosis/check.js';
import { fail, type Finding } from './diagnosis/finding.js';
import { readServerState } from './diagnosis/server-state.js';
import { mapConcurrently } from '../platform/map-concurrently.js';
import { reasonOf } from '../platform/errors/reason-of.js';

const CONFIG_CHECKS: readonly Check<ConfigContext>[] = [nodeVersion, configuration, redis, backups];
const CATALOG_CHECKS: readonly Check<CatalogContext>[] = [
  servers,
  replicas,
  clock,
  pooler,
  leftovers,
  unknownTenants,
  movedRows,
  loginRoles,
  exposure,
  tenantTables,
  stamps,
  distribution,
  migrations,
  entities,
  indexConditions,
  referenceData,
  stuckTenants,
  encryptedValues,
  backupAgesCheck,
  backupDrillsCheck,
  settings,
];

/** Time limit of a whole check, long enough to query thousands of databases. */
const CHECK_TIMEOUT_MS = 120_000;
const CATALOG_TIMEOUT_MS = 20_000;

export interface DoctorOptions {
  readonly loadConfig: () => LoadedConfig;
  readonly schema: TenantSchema;
}

/**
 * Checks everything that serving and isolating tenants depends on. It changes nothing: not even the catalog's own
 * migrations are run. A check that cannot be completed is reported as a failure and does not affect the others.
 */
export async function diagnose({ loadConfig, schema }: DoctorOptions): Promise<readonly Finding[]> {
  const loaded = load(loadConfig);
  if (Array.isArray(loaded)) return loaded;
  const context: ConfigContext = { loaded, schema };
  const [configFindings, catalogFindings] = await Promise.all([run(CONFIG_CHECKS, context), withCatalog(context)]);
  return [...configFindings, ...catalogFindings];
}

function load(loadConfig: () => LoadedConfig): LoadedConfig | Finding[] {
  try {
    return loadConfig();
  } catch (error) {
    const remedy = 'see .env.example';
    if (!(error instanceof ConfigurationError)) return [fail(configuration.name, reasonOf(error), remedy)];
    return error.problems.map(({ variable, expected }) =>
      fail(configuration.name, `expected ${expected}`, remedy, variable),
    );
  }
}

async function withCatalog(context: ConfigContext): Promise<Finding[]> {
  let access: CatalogAccess;
  try {
    access = await accessCatalog(context.loaded.config);
  } catch (error) {
    return [fail('catalog', `embedded PostgreSQL: ${reasonOf(error)}`, 'fix the cause, or set DATABASE_URL')];
  }
  try {
    return await diagnoseCatalog(context, access);
  } catch (error) {
    if (error instanceof CatalogSchemaError) return [fail('catalog', error.problem, error.remedy)];
    return [fail('catalog', `cannot be reached: ${reasonOf(error)}`, 'start it, or correct DATABASE_URL')];
  } finally {
    await access.close();
  }
}

async function diagnoseCatalog(context: ConfigContext, access: CatalogAccess): Promise<Finding[]> {
  const { config } = access;
  const { url, directUrl, tenantUrl, catalogSchema } = config.database;
  const target = targetOfUrl(directUrl ?? url ?? '', DEFAULT_SERVER);
  const options = poolOptions(config);
  const schema = await queryServer(target, options, (client) => findCatalogSchema(client, catalogSchema));
  return queryCatalog(target, options, schema, async (catalog) => {
    const { findings, isReadable } = await withDeadline(
      readCatalogState(catalog, { isProvided: tenantUrl !== undefined, schema }),
      CATALOG_TIMEOUT_MS,
    );
    if (!isReadable) return findings;
    const keyRing = new KeyRing(config);
    const owner = new ServerOwner(target, keyRing);
    const { servers: serverEntities, targets } = await readServersAndTargets(catalog);
    const states = await mapConcurrently(serverEntities, (server) => readServerState(server, owner, options));
    const catalogContext = { ...context, access, catalog, options, keyRing, owner, servers: states, targets };
    return [...findings, ...(await run(CATALOG_CHECKS, catalogContext))];
  });
}

/** Runs the checks concurrently. @returns their findings in the order of `checks` */
async function run<Context>(checks: readonly Check<Context>[], context: Context): Promise<Finding[]> {
  const outcomes = await Promise.all(
    checks.map(async ({ name, run: runCheck }) => {
      try {
        return await withDeadline(Promise.resolve(runCheck(context)), CHECK_TIMEOUT_MS);
      } catch (error) {
        return [fail(name, `check could not be completed: ${reasonOf(error)}`, 'fix the failures above first')];
      }
    }),
  );
  return outcomes.flat();
}
