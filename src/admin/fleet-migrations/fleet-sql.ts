import { lacksMigrationSql } from '../../catalog/tenant-tables/migration-set-sql.js';
import { POLICY_VERSION } from '../../database/isolation/tenant-policies.js';

// Conditions on `tenants t` that all statements of fleet migrations share.

/**
 * The tenant has tables and may need them again. Includes suspended tenants, and deleted ones as long as the deletion
 * can be undone, and spare ones, which a sign-up takes only if they are up to date. Excludes tenants that are being provisioned (that operation migrates their tables), that are being
 * moved (the operation that moves them records their new location), and that failed (partly created or partly deleted:
 * a retry of that operation completes it).
 */
export const HAS_TABLES = `t.target_id IS NOT NULL AND t.schema_name IS NOT NULL AND t.schema_version IS NOT NULL
    AND (t.status IN ('active', 'suspended', 'maintenance')
      OR t.status = 'provisioning' AND t.spare_server_id IS NOT NULL OR t.status = 'deleting' AND EXISTS (
      SELECT FROM operations d
      WHERE d.tenant_id = t.id AND d.kind = 'delete' AND d.status = 'pending' AND d.started_at IS NULL))`;

/**
 * The tenant lacks one of the migrations whose names are the parameter, or it is not known which ones it has, or its tables
 * have the policies of a former release.
 */
export function needsMigrationSql(names: string): string {
  return `(t.migration_set IS NULL OR ${lacksMigrationSql(names)} OR t.policy_version < ${POLICY_VERSION})`;
}

/** The sets of migrations that lack one of $1; those of tenants whose set is not known are left out. */
export const SETS_BEHIND = `
  SELECT DISTINCT s.names FROM tenants t JOIN migration_sets s ON s.digest = t.migration_set
  WHERE ${HAS_TABLES} AND NOT s.names @> $1::text[] AND ($2::text[] IS NULL OR t.slug = ANY ($2))`;
