import { missingRightsIn, providedDatabase } from '../../catalog/provided-database.js';
import type { CatalogContext } from './check.js';
import { fail, type Finding, warn } from './finding.js';
import { queryServer } from './query-server.js';
import { reasonOf } from '../../platform/errors/reason-of.js';

const NAME = 'server';
const GUIDE = 'see docs/guides/database-rights.md';

/** What the owner lacks in the database that an operator made for tenants of the catalog's server; nothing without one. */
export async function missingProvidedRights({
  loaded: { config },
  owner,
  servers,
  options,
}: CatalogContext): Promise<Finding[]> {
  const provided = providedDatabase(config);
  const server = servers.find((state) => state.server.host === null)?.server;
  if (!provided || !server) return [];
  const { database } = provided;
  try {
    const missing = await queryServer(owner.of(server, database), options, missingRightsIn);
    const isCatalog = owner.of(server).database === database;
    return [
      ...missing.map((right) => fail(NAME, `its owner lacks ${right}`, GUIDE, server.name)),
      ...(isCatalog ? [warn(NAME, SHARED_WITH_CATALOG, `give tenants another database: ${GUIDE}`, server.name)] : []),
    ];
  } catch (error) {
    return [fail(NAME, `its owner cannot use the database ${database}: ${reasonOf(error)}`, GUIDE, server.name)];
  }
}

const SHARED_WITH_CATALOG =
  'tenants share the database of the catalog: SQL that gets past the guard could notify its instances and hold its locks';
