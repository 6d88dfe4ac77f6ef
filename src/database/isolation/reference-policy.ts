/**
 * The one policy of a reference table. It asks for no stamp: the rows are the same for every tenant, and what the login role
 * may read is no tenant's. There is none for the other commands, so that no login role writes, whatever it is granted.
 */
export const REFERENCE_POLICY = 'reference_select';

/** @param table quoted, and qualified unless `search_path` leads to it */
export function createReferencePolicySql(table: string): string {
  return `CREATE POLICY ${REFERENCE_POLICY} ON ${table} FOR SELECT USING (true)`;
}

/**
 * SQL condition: the policy `p` (a row of `pg_policy`) is that of a reference table. On a table with a `tenant_id` it would
 * show the rows of all tenants, and counts as a foreign policy.
 */
export const IS_REFERENCE_POLICY = `p.polname = '${REFERENCE_POLICY}' AND p.polcmd = 'r' AND NOT EXISTS (
  SELECT FROM pg_attribute ra WHERE ra.attrelid = p.polrelid AND ra.attname = 'tenant_id' AND NOT ra.attisdropped OFFSET 0)`;

/**
 * SQL condition: a table is a reference table.
 *
 * @param oid an SQL expression
 */
export function isReferenceTableSql(oid: string): string {
  return `EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = ${oid} AND ${IS_REFERENCE_POLICY})`;
}
