import { createHash } from 'node:crypto';
import type { Isolation } from '../../catalog/model/tenant.js';

/** In bytes: PostgreSQL's NAMEDATALEN minus the terminator. */
const MAX_LENGTH = 63;
const HASH_LENGTH = 8;

/** Holds the tables of all row tenants of a target. */
export const SHARED_SCHEMA = 'shared';

/** Holds the tables of the one tenant of a dedicated database. */
export const DEDICATED_SCHEMA = 'tenant';

/** Database and login role (one name for both) of a server's shared target. */
export function sharedTargetName(catalogDatabase: string): string {
  return identifier(catalogDatabase, 'shared');
}

/** Database and login role of a dedicated target. The id keeps the name unique when a slug is reused. */
export function dedicatedTargetName(catalogDatabase: string, slug: string, tenantId: string): string {
  return identifier(catalogDatabase, slug, tenantId.slice(0, HASH_LENGTH));
}

/** Schema of a tenant with `schema` isolation. The prefix `t_` avoids names with `pg_`, which PostgreSQL reserves. */
export function tenantSchemaName(slug: string, tenantId: string): string {
  return identifier('t', slug, tenantId.slice(0, HASH_LENGTH));
}

/** Schema of a tenant in its target's database. */
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

/** Joins parts to a name of at most 63 characters of `a-z0-9_`. Longer names are truncated and get a hash as suffix. */
function identifier(...parts: string[]): string {
  const exact = parts.join('_');
  const plain = exact.toLowerCase().replaceAll(/[^a-z0-9_]/g, '_');
  if (plain.length <= MAX_LENGTH) return plain;
  const hash = createHash('sha256').update(exact).digest('hex').slice(0, HASH_LENGTH);
  return `${plain.slice(0, MAX_LENGTH - HASH_LENGTH - 1)}_${hash}`;
}
