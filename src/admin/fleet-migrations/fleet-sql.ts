// Conditions on `tenants t` that every statement of fleet migrations shares.

/**
 * Has tables, and may need them again: also suspended, and also on the way to being deleted as long as that can be undone.
 * Not what is being provisioned (its own operation brings its tables up to date), moved (recorded where it will be by the
 * operation that moves it), or failed (half made or half removed: it is made or removed by trying that again).
 */
export const HAS_TABLES = `t.target_id IS NOT NULL AND t.schema_name IS NOT NULL AND t.schema_version IS NOT NULL
    AND (t.status IN ('active', 'suspended', 'maintenance') OR t.status = 'deleting' AND EXISTS (
      SELECT FROM operations d
      WHERE d.tenant_id = t.id AND d.kind = 'delete' AND d.status = 'pending' AND d.started_at IS NULL))`;

/** Lacks the migration whose timestamp is the parameter: the same rule as `isBehind`. */
export function isBehindSql(parameter: string): string {
  return `coalesce(substring(t.schema_version FROM '\\d{13}$'), '0')::bigint < ${parameter}::bigint`;
}

/** What `isBehindSql` is given: the 13 digits that the name of a migration ends with, 0 without them. */
export function timestampIn(migration: string): number {
  return Number(/\d{13}$/.exec(migration)?.[0] ?? 0);
}
