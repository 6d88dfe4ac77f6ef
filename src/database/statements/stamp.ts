import pg from 'pg';

/**
 * The tenant identity that travels with a statement.
 *
 * On a pooled connection both settings are transaction-local, so nothing of a tenant outlives its statement or
 * transaction there.
 */
export interface Stamp {
  readonly tenantId: string;
  /** Value of `search_path`, already quoted. */
  readonly searchPath: string;
  /** In ms. Set only behind a pooler, where it cannot be set when connecting. */
  readonly statementTimeoutMs?: number | undefined;
}

/** `$1` tenant id, `$2` search path. The row it returns is discarded. */
const STAMP_STATEMENT = "SELECT set_config('app.tenant_id', $1, true), set_config('search_path', $2, true)";

const STAMP_WITH_TIMEOUT = `${STAMP_STATEMENT}, set_config('statement_timeout', $3, true)`;

/** The statement that stamps the query behind it in the same round trip, and its parameters. */
export function stampStatement(stamp: Stamp): { readonly text: string; readonly values: readonly string[] } {
  const { tenantId, searchPath, statementTimeoutMs } = stamp;
  if (statementTimeoutMs === undefined) return { text: STAMP_STATEMENT, values: [tenantId, searchPath] };
  return { text: STAMP_WITH_TIMEOUT, values: [tenantId, searchPath, String(statementTimeoutMs)] };
}

/**
 * The tenant's schema comes first, then `public`, for extensions only: it holds no tables of this product. `pg_temp` comes
 * last: PostgreSQL searches it first where the path does not name it, and a temporary table left on the connection would
 * then shadow the tenant's own (https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-SEARCH-PATH).
 */
export function createStamp(tenantId: string, schema: string, statementTimeoutMs?: number): Stamp {
  const searchPath = `${pg.escapeIdentifier(schema)}, public, pg_temp`;
  return Object.freeze({ tenantId, searchPath, statementTimeoutMs });
}

/**
 * The stamp as utility commands, sent together with `BEGIN`. Unlike `SELECT set_config(…)` they take no snapshot, so
 * `SET TRANSACTION ISOLATION LEVEL …` may still follow.
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
