import { createHash } from 'node:crypto';
import { SHARED_SCHEMA } from '../../catalog/provided-database.js';
import type { Isolation } from '../../catalog/model/tenant.js';

/** In bytes: PostgreSQL's NAMEDATALEN minus the terminator. */
const MAX_LENGTH = 63;
const HASH_LENGTH = 8;

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

/** Schema of a new tenant in its target's database. That of an existing one is in the catalog. */
export function schemaNameOf({ isolation, id }: { isolation: Isolation; id: string }): string {
  switch (isolation) {
    case 'row':
      return SHARED_SCHEMA;
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
  const plain = exact.toLowerCase().replaceAll(/[^a-z0-9_]/g, '_');
  if (plain.length <= MAX_LENGTH) return plain;
  const hash = createHash('sha256').update(exact).digest('hex').slice(0, HASH_LENGTH);
  return `${plain.slice(0, MAX_LENGTH - HASH_LENGTH - 1)}_${hash}`;
}
