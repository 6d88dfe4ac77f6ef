import { timestampOrZero } from '../../database/table-migrations/versions/migration-names.js';
import { digestOf, newestOf, sortedNames } from '../../database/table-migrations/versions/migration-set.js';

/** The values of `saveSetSql`'s parameters; both null without names. */
export function migrationSetValues(names: readonly string[] | null): [string | null, string[] | null] {
  return names === null ? [null, null] : [digestOf(names), sortedNames(names)];
}

/**
 * Stores a set, as part of the statement that refers to it: a live instance cannot know which sets a catalog has that was
 * restored from a backup.
 *
 * @param digest a parameter, as `$1`
 * @param names another one
 */
export function saveSetSql(digest: string, names: string): string {
  return `INSERT INTO migration_sets (digest, names) SELECT ${digest}::text, ${names}::text[] WHERE ${digest}::text IS NOT NULL
    ON CONFLICT (digest) DO NOTHING`;
}

/** Condition on `tenants t`: its tables are known to lack one of the migrations whose names are the parameter. */
export function lacksMigrationSql(names: string): string {
  return `t.migration_set IN (SELECT s.digest FROM migration_sets s WHERE NOT s.names @> ${names}::text[])`;
}

/**
 * Condition on `tenants t`: code that requires these migrations does not serve it; the rule of `TenantAvailability`. Where
 * it is not known which migrations its tables have, the newest one decides.
 *
 * @param names a parameter, as `$1`
 * @param newest another one; the values of both are `unservedValues`
 */
export function isUnservedSql(names: string, newest: string): string {
  return `CASE WHEN t.migration_set IS NULL
    THEN coalesce(substring(t.schema_version FROM '\\d{13}$'), '0')::bigint < ${newest}::bigint
    ELSE ${lacksMigrationSql(names)} END`;
}

/** The values of `isUnservedSql`'s parameters. */
export function unservedValues(required: readonly string[]): [names: readonly string[], newest: number] {
  return [required, timestampOrZero(newestOf(required) ?? '')];
}
