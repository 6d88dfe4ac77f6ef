/** PostgreSQL 15, in the form of `server_version_num`. */
const OLDEST_VERSION_NUM = 150_000;

/** What a role that owns tenants' objects finds on a server. */
export interface ServerFacts {
  readonly version: string;
  readonly version_num: number;
  readonly may_create_databases: boolean;
  readonly may_create_roles: boolean;
  readonly is_standby: boolean;
  /** Whether its transactions are read-only by default. */
  readonly is_read_only: boolean;
}

/** Selects `ServerFacts` of the current role, `FROM pg_roles WHERE rolname = current_user`. */
export const SERVER_FACTS = `
  current_setting('server_version') AS version, current_setting('server_version_num')::int AS version_num,
  rolsuper OR rolcreatedb AS may_create_databases, rolsuper OR rolcreaterole AS may_create_roles,
  pg_is_in_recovery() AS is_standby, current_setting('transaction_read_only')::boolean AS is_read_only`;

/** Whether the server's release is one that tenants may be on. */
export function isSupported({ version_num }: Pick<ServerFacts, 'version_num'>): boolean {
  return version_num >= OLDEST_VERSION_NUM;
}
