import { createHash } from 'node:crypto';
import type { Isolation } from '../../catalog/model/tenant.js';

/** PostgreSQL's NAMEDATALEN less its terminator, in bytes. */
const LONGEST = 63;
const HASH_LENGTH = 8;

/** Holds the tables of all row tenants of a target. */
export const SHARED_SCHEMA = 'shared';

/** Holds the tables of the one tenant of a dedicated database. */
export const DEDICATED_SCHEMA = 'tenant';

/** Database and login role (one name for both) of a server's shared target. */
export function sharedTargetName(catalogDatabase: string): string {
  return identifier(catalogDatabase, 'shared');
}

/** Database and login role of a dedicated target. The id keeps a name unique when a slug is given up and taken again. */
export function dedicatedTargetName(catalogDatabase: string, slug: string, tenantId: string): string {
  return identifier(catalogDatabase, slug, tenantId.slice(0, HASH_LENGTH));
}

/** Schema of a tenant with a schema of its own. PostgreSQL keeps names that begin with `pg_` for itself, hence `t_`. */
export function tenantSchemaName(slug: string, tenantId: string): string {
  return identifier('t', slug, tenantId.slice(0, HASH_LENGTH));
}

/** Schema of a tenant inside its target's database. */
export function schemaNameOf({ isolation, slug, id }: { isolation: Isolation; slug: string; id: string }): string {
  switch (isolation) {
    case 'row':
      return SHARED_SCHEMA;
    case 'schema':
      return tenantSchemaName(slug, id);
    case 'database':
      return DEDICATED_SCHEMA;
  }
}

/** Joins parts into a name of at most 63 characters of `a-z0-9_`; what is cut off is replaced by a hash of the whole. */
function identifier(...parts: string[]): string {
  const exact = parts.join('_');
  const plain = exact.toLowerCase().replaceAll(/[^a-z0-9_]/g, '_');
  if (plain.length <= LONGEST) return plain;
  const hash = createHash('sha256').update(exact).digest('hex').slice(0, HASH_LENGTH);
  return `${plain.slice(0, LONGEST - HASH_LENGTH - 1)}_${hash}`;
}
