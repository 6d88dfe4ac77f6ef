/** Injection token of the names of the SECURITY DEFINER functions that login roles may execute, see `TenantSchema`. */
export const TRUSTED_FUNCTIONS = Symbol.for('tenantry/TRUSTED_FUNCTIONS');

/**
 * SQL condition: whether one of the `names` (an SQL expression of type `text[]`) is that of the function `p` (a row of
 * `pg_proc`) in its schema `n` (a row of `pg_namespace`): `schema.name`, or `schema.name(type,type)`.
 */
export function isTrustedSql(names: string): string {
  const name = `format('%I.%I', n.nspname, p.proname)`;
  return `EXISTS (
    SELECT FROM unnest(${names}) trusted
    WHERE replace(trusted, ', ', ',') IN
      (${name}, format('%s(%s)', ${name}, replace(oidvectortypes(p.proargtypes), ', ', ','))))`;
}
