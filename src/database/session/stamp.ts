import pg from 'pg';

/**
 * The tenant identity that travels with a statement.
 *
 * Both settings are transaction-local wherever they are sent, so nothing of a tenant outlives its statement or its
 * transaction on a pooled connection.
 */
export interface Stamp {
  readonly tenantId: string;
  /** Value of `search_path`, already quoted. */
  readonly searchPath: string;
}

/** `$1` tenant id, `$2` search path. The row it returns is thrown away. */
export const STAMP_STATEMENT = "SELECT set_config('app.tenant_id', $1, true), set_config('search_path', $2, true)";

/** The tenant's schema first; `public` after it for extensions only (nothing of ours lives there). */
export function createStamp(tenantId: string, schema: string): Stamp {
  return Object.freeze({ tenantId, searchPath: `${pg.escapeIdentifier(schema)}, public` });
}

/**
 * The stamp as utility statements, for the flight that begins a transaction. Unlike `SELECT set_config(…)` they take
 * no snapshot, so `SET TRANSACTION ISOLATION LEVEL …` may still follow.
 */
export function localStampCommands(stamp: Stamp): string {
  return `SET LOCAL app.tenant_id = ${pg.escapeLiteral(stamp.tenantId)}; SET LOCAL search_path = ${stamp.searchPath}`;
}

/** The stamp for the whole life of a session lease; the lease ends with `DISCARD ALL`. */
export function sessionStampCommands(stamp: Stamp): string {
  return `SET app.tenant_id = ${pg.escapeLiteral(stamp.tenantId)}; SET search_path = ${stamp.searchPath}`;
}
