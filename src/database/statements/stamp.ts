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
  /** Behind a pooler, where it cannot be set at connect. */
  readonly statementTimeoutMs?: number | undefined;
}

/** `$1` tenant id, `$2` search path. The row it returns is thrown away. */
const STAMP_STATEMENT = "SELECT set_config('app.tenant_id', $1, true), set_config('search_path', $2, true)";

const STAMP_WITH_TIMEOUT = `${STAMP_STATEMENT}, set_config('statement_timeout', $3, true)`;

/** The statement that stamps what follows it in its flight, and its parameters. */
export function stampStatement(stamp: Stamp): { readonly text: string; readonly values: readonly string[] } {
  const { tenantId, searchPath, statementTimeoutMs } = stamp;
  if (statementTimeoutMs === undefined) return { text: STAMP_STATEMENT, values: [tenantId, searchPath] };
  return { text: STAMP_WITH_TIMEOUT, values: [tenantId, searchPath, String(statementTimeoutMs)] };
}

/**
 * The tenant's schema first; `public` after it for extensions only (nothing of ours lives there). `pg_temp` comes last:
 * PostgreSQL searches it first where the path does not name it, so that a temporary table left on the connection would
 * take what was meant for the tenant's (https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-SEARCH-PATH).
 */
export function createStamp(tenantId: string, schema: string, statementTimeoutMs?: number): Stamp {
  const searchPath = `${pg.escapeIdentifier(schema)}, public, pg_temp`;
  return Object.freeze({ tenantId, searchPath, statementTimeoutMs });
}

/**
 * The stamp as utility statements, for the flight that begins a transaction. Unlike `SELECT set_config(…)` they take
 * no snapshot, so `SET TRANSACTION ISOLATION LEVEL …` may still follow.
 */
export function localStampCommands(stamp: Stamp): string {
  const timeout =
    stamp.statementTimeoutMs === undefined ? '' : `; SET LOCAL statement_timeout = ${stamp.statementTimeoutMs}`;
  return `SET LOCAL app.tenant_id = ${pg.escapeLiteral(stamp.tenantId)}; SET LOCAL search_path = ${stamp.searchPath}${timeout}`;
}

/** The stamp for the whole life of a session lease; the lease ends with `DISCARD ALL`. */
export function sessionStampCommands(stamp: Stamp): string {
  return `SET app.tenant_id = ${pg.escapeLiteral(stamp.tenantId)}; SET search_path = ${stamp.searchPath}`;
}
