import { ISOLATION_SCHEMA } from './isolation-functions.js';

/** Version of these policies, recorded per tenant in the catalog (`tenants.policy_version`); 0 is `FORMER_POLICY`. */
export const POLICY_VERSION = 1;

/** The one policy that tables of former releases have. It trusts any stamp. */
export const FORMER_POLICY = 'tenant_isolation';

const OWN_TO_READ = `tenant_id = (SELECT ${ISOLATION_SCHEMA}.may_read())`;
const OWN_TO_WRITE = `tenant_id = (SELECT ${ISOLATION_SCHEMA}.may_write())`;

/** One policy of a tenant table. */
export interface TenantPolicy {
  readonly name: string;
  readonly command: 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';
  /** Rows that the command may meet. */
  readonly using?: string;
  /** Rows that it may leave behind. */
  readonly withCheck?: string;
}

/** One per command. PostgreSQL shows an UPDATE, DELETE or RETURNING only rows that `tenant_select` admits, too. */
export const TENANT_POLICIES: readonly TenantPolicy[] = [
  { name: 'tenant_select', command: 'SELECT', using: OWN_TO_READ },
  { name: 'tenant_insert', command: 'INSERT', withCheck: OWN_TO_WRITE },
  { name: 'tenant_update', command: 'UPDATE', using: OWN_TO_WRITE, withCheck: OWN_TO_WRITE },
  { name: 'tenant_delete', command: 'DELETE', using: OWN_TO_WRITE },
];

/**
 * @param table quoted, and qualified unless `search_path` leads to it
 * @param hasCitus whether the database has Citus, whose tables have no policies with a subquery
 */
export function createPoliciesSql(table: string, hasCitus = false): string[] {
  const clause = (keyword: string, condition: string | undefined): string =>
    condition === undefined ? '' : ` ${keyword} (${hasCitus ? withoutSubquery(condition) : condition})`;
  return TENANT_POLICIES.map(
    ({ name, command, using, withCheck }) =>
      `CREATE POLICY ${name} ON ${table} FOR ${command}${clause('USING', using)}${clause('WITH CHECK', withCheck)}`,
  );
}

/** The condition with its function called plainly: once per row, where no index finds the rows. */
export function withoutSubquery(condition: string): string {
  return condition.replace(/\(SELECT (.+\(\))\)$/, '$1');
}
