import pg from 'pg';
import { SHARED_SCHEMA } from '../../../catalog/provided-database.js';
import { mapConcurrently } from '../../../platform/map-concurrently.js';
import type { CatalogContext, Check, TargetOfServer } from '../../diagnosis/check.js';
import { type Finding, ok, warn } from '../../diagnosis/finding.js';
import { queryServer } from '../../diagnosis/query-server.js';
import { isReachable } from '../login-roles.js';

const NAME = 'unknown-tenants';
const MAX_REPORTED = 20;

/** Tables with an index that begins with the tenant, so that its values are found without reading all rows. */
const TABLES = `
  SELECT DISTINCT c.relname::text AS name FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND a.atttypid = 'uuid'::regtype AND a.attnotnull
  JOIN pg_index i ON i.indrelid = c.oid AND i.indisvalid AND i.indkey[0] = a.attnum AND i.indpred IS NULL
  WHERE c.relnamespace = to_regnamespace(quote_ident($1)) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  ORDER BY 1`;

/** `$1` ids of the tenants that are known. Jumps from each tenant's rows to the next one's. */
const unknownIn = (table: string): string => `
  WITH RECURSIVE found (id) AS (
    (SELECT tenant_id FROM ${table} ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT tenant_id FROM ${table} WHERE tenant_id > found.id ORDER BY tenant_id LIMIT 1)
    FROM found WHERE found.id IS NOT NULL)
  SELECT id::text FROM found WHERE id IS NOT NULL AND id <> ALL ($1::uuid[]) LIMIT ${MAX_REPORTED}`;

/**
 * Finds rows in shared tables whose tenant the catalog does not have: it was restored from an older backup, or has lost its last
 * changes in a failover.
 */
export const unknownTenants: Check<CatalogContext> = {
  name: NAME,
  run: async (context) => {
    // A provided or adopted database may serve several catalogs.
    const shared = context.targets.filter(
      ({ kind, provided, adopted, serverId }) =>
        kind === 'shared' && !provided && !adopted && isReachable(context, serverId),
    );
    const findings = (await mapConcurrently(shared, (target) => findingsAt(target, context))).flat();
    return findings.length > 0
      ? findings.slice(0, MAX_REPORTED)
      : [ok(NAME, 'every row in shared tables belongs to a tenant of the catalog')];
  },
};

async function findingsAt(target: TargetOfServer, context: CatalogContext): Promise<Finding[]> {
  const { server, database } = target;
  const tables = await tablesByTenant(target, await knownTenants(context), context);
  const left = await unknownOf([...tables.keys()], context);
  return left.map((id) => {
    const names = (tables.get(id) ?? []).map((table) => `${SHARED_SCHEMA}.${table}`);
    const remedy =
      'restore a newer backup of the catalog, or, once nothing in them is needed, as the owner of the tables: DELETE FROM … ' +
      `WHERE tenant_id = ${pg.escapeLiteral(id)}`;
    return warn(
      NAME,
      `rows of tenant ${id}, which the catalog does not have: ${names.join(', ')}`,
      remedy,
      `${server.name}/${database}`,
    );
  });
}

/** Names of tables by the unknown tenant that has rows there. */
async function tablesByTenant(
  { server, database }: TargetOfServer,
  known: readonly string[],
  { owner, options }: CatalogContext,
): Promise<Map<string, string[]>> {
  const byTenant = new Map<string, string[]>();
  await queryServer(owner.of(server, database), options, async (client) => {
    const { rows: tables } = await client.query<{ name: string }>(TABLES, [SHARED_SCHEMA]);
    for (const { name } of tables) {
      const table = `${pg.escapeIdentifier(SHARED_SCHEMA)}.${pg.escapeIdentifier(name)}`;
      const { rows } = await client.query<{ id: string }>(unknownIn(table), [known]);
      for (const { id } of rows) byTenant.set(id, [...(byTenant.get(id) ?? []), name]);
    }
  });
  return byTenant;
}

async function knownTenants({ catalog }: CatalogContext): Promise<string[]> {
  const { rows } = await catalog.query<{ id: string }>('SELECT id::text AS id FROM tenants');
  return rows.map(({ id }) => id);
}

/** Those that were not created meanwhile either. */
async function unknownOf(ids: readonly string[], context: CatalogContext): Promise<string[]> {
  if (ids.length === 0) return [];
  const known = new Set(await knownTenants(context));
  return ids.filter((id) => !known.has(id));
}
