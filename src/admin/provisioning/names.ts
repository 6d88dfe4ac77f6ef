import { SHARED_SCHEMA } from '../../catalog/provided-database.js';
import type { Isolation } from '../../catalog/model/tenant.js';
import { fitsIdentifier, shortHash, truncatedIdentifier } from '../../platform/postgres/identifiers.js';

/** Holds the tables of the one tenant of a dedicated database. */
export const DEDICATED_SCHEMA = 'tenant';

/** Database and login role (one name for both) of a server's shared target. */
export function sharedTargetName(catalogDatabase: string): string {
  return identifier(catalogDatabase, 'shared');
}

/**
 * Database and login role of a dedicated target. They contain the tenant's id, not its slug: every role of the server can
 * read the names of all databases, schemas and roles.
 */
export function dedicatedTargetName(catalogDatabase: string, tenantId: string): string {
  return identifier(catalogDatabase, withoutDashes(tenantId));
}

/** Schema of a tenant with `schema` isolation. The prefix `t_` avoids names with `pg_`, which PostgreSQL reserves. */
export function tenantSchemaName(tenantId: string): string {
  return identifier('t', withoutDashes(tenantId));
}

/**
 * Schema of a new tenant in its target's database. That of an existing one is in the catalog. Row tenants share adopted tables
 * where there are such.
 */
export function schemaNameOf(
  { isolation, id }: { isolation: Isolation; id: string },
  { rowSchema }: { readonly rowSchema: string | null },
): string {
  switch (isolation) {
    case 'row':
      return rowSchema ?? SHARED_SCHEMA;
    case 'schema':
      return tenantSchemaName(id);
    case 'database':
      return DEDICATED_SCHEMA;
  }
}

function withoutDashes(id: string): string {
  return id.replaceAll('-', '');
}

/** Joins parts to a name of at most 63 characters of `a-z0-9_`. Longer names are truncated and get a hash as suffix. */
function identifier(...parts: string[]): string {
  const exact = parts.join('_');
  const plain = plainName(exact);
  return fitsIdentifier(plain) ? plain : truncatedIdentifier(plain, `_${shortHash(exact, 8)}`);
}

function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9_]/g, '_');
}

/**
 * Name of the new login role of a target. It depends only on the database and the seed (the id of the rotation's
 * operation), and differs between seeds.
 */
export function rotatedRoleName(database: string, seed: string): string {
  return truncatedIdentifier(plainName(database), `_${shortHash(JSON.stringify([database, seed]), 12)}`);
}
