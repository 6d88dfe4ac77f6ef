import { withDeadline } from '../../platform/timeout.js';
import type { ConnectionPool } from '../pool/connection-pool.js';
import { runStamped } from '../statements/stamped-query.js';
import type { TenantAccess } from '../statements/tenant-access.js';

/** PostgreSQL's names of a constraint, or of a unique index, which is reported as one. */
export interface ConstraintName {
  /** Default: the tenant's own. */
  readonly schema?: string | undefined;
  /** Unknown of a unique constraint that a worker of Citus reports; its name is the only one in the schema. */
  readonly table?: string | undefined;
  readonly constraint: string;
}

const MAX_REMEMBERED = 1_000;
/** The caller's answer waits for them. */
const READ_TIMEOUT_MS = 1_000;

const COLUMNS = `
  SELECT array(
    SELECT a.attname::text FROM unnest(k.keys) WITH ORDINALITY AS key (number, place)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.relation AND a.attnum = key.number
    WHERE a.attname <> 'tenant_id' ORDER BY key.place) AS columns
  FROM pg_catalog.pg_class t
  JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
  JOIN (SELECT conrelid AS relation, conname AS name, conkey AS keys FROM pg_catalog.pg_constraint
    UNION ALL
    SELECT i.indrelid, x.relname, i.indkey::int2[] FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid) k ON k.relation = t.oid
  WHERE n.nspname = coalesce($1, pg_catalog.current_schema()) AND t.relname = coalesce($2, t.relname) AND k.name = $3
  LIMIT 1`;

/** PostgreSQL leaves the columns of a violated constraint out where row-level security holds. They change with tables only. */
const known = new WeakMap<ConnectionPool, Map<string, readonly string[]>>();

/** The columns of a constraint, without `tenant_id`; none when they cannot be read. */
export async function constraintColumns(
  access: TenantAccess,
  { schema, table, constraint }: ConstraintName,
): Promise<readonly string[]> {
  const ofPool = known.get(access.pool) ?? new Map<string, readonly string[]>();
  known.set(access.pool, ofPool);
  const key = JSON.stringify([table, constraint]); // of one pool's schemas all have the same tables
  const remembered = ofPool.get(key);
  if (remembered) return remembered;
  const columns = await read(access, [schema, table, constraint]);
  if (columns && ofPool.size < MAX_REMEMBERED) ofPool.set(key, columns);
  return columns ?? [];
}

async function read(
  access: TenantAccess,
  values: readonly (string | undefined)[],
): Promise<readonly string[] | undefined> {
  try {
    const reading = runStamped(access, { text: COLUMNS, values, isChecked: true });
    const { rows } = await withDeadline(reading, READ_TIMEOUT_MS);
    return (rows as { columns: string[] }[])[0]?.columns ?? [];
  } catch {
    return undefined; // the violation is reported without them
  }
}
