import pg from 'pg';
import { ISOLATION_SCHEMA } from '../isolation/isolation-functions.js';
import { proofOf, type StampKey } from '../isolation/stamp-key.js';

/**
 * The tenant identity that travels with a statement, and the proof that it was given out by us.
 *
 * On a pooled connection all settings are transaction-local, so nothing of a tenant outlives its statement or
 * transaction there. The values are always bound parameters: texts are visible to others in `pg_stat_activity`.
 */
export interface Stamp {
  readonly tenantId: string;
  /** Value of `app.tenant_proof`; empty while the tenant's database has no key. */
  readonly proof: string;
  /** Value of `search_path`, already quoted. */
  readonly searchPath: string;
  /** In ms. Set only behind a pooler, where it cannot be set when connecting. */
  readonly statementTimeoutMs?: number | undefined;
  /** The schema, while the tenant moves: the database is asked each time whether its rows are still there. */
  readonly gate?: string | undefined;
}

/** How long a stamp's settings last. */
type StampScope = 'transaction' | 'session';

/** What a tenant's stamps are made with, besides its id. */
export interface StampOptions {
  /** The key of the tenant's database; undefined while it has none. */
  readonly key?: StampKey | undefined;
  readonly statementTimeoutMs?: number | undefined;
  /** Whether the tenant moves. */
  readonly isGated?: boolean | undefined;
}

/** What passes the gate of a tenant that moves: one statement, or a transaction until its end. */
export type GatePassage = 'check_gate' | 'enter_gate';

/** `$1` tenant id, `$2` proof, `$3` search path, `$4` the timeout. The row it returns is discarded. */
function stampText(scope: StampScope, hasTimeout: boolean): string {
  const settings = ['app.tenant_id', 'app.tenant_proof', 'search_path', ...(hasTimeout ? ['statement_timeout'] : [])];
  const calls = settings.map((name, index) => `set_config('${name}', $${index + 1}, ${scope === 'transaction'})`);
  return `SELECT ${calls.join(', ')}`;
}

const TEXTS = {
  transaction: { plain: stampText('transaction', false), timed: stampText('transaction', true) },
  session: { plain: stampText('session', false), timed: stampText('session', true) },
} as const;

/** The statement that stamps what follows it, and its parameters. */
export function stampStatement(
  { tenantId, proof, searchPath, statementTimeoutMs }: Stamp,
  scope: StampScope = 'transaction',
): { readonly text: string; readonly values: readonly string[] } {
  const values = [tenantId, proof, searchPath];
  if (statementTimeoutMs === undefined) return { text: TEXTS[scope].plain, values };
  return { text: TEXTS[scope].timed, values: [...values, String(statementTimeoutMs)] };
}

/** The same for a tenant that moves; it fails where the gate is closed (`isGateClosed`). */
export function gatedStampStatement(
  stamp: Stamp,
  passage: GatePassage,
): { readonly text: string; readonly values: readonly string[] } {
  const { text, values } = stampStatement(stamp);
  // Behind the settings, which it reads.
  return {
    text: `${text}, ${ISOLATION_SCHEMA}.${passage}($${values.length + 1})`,
    values: [...values, stamp.gate ?? ''],
  };
}

/**
 * The tenant's schema comes first, then `public`, for extensions only: it holds no tables of this product. `pg_temp` comes
 * last: PostgreSQL searches it first where the path does not name it, and a temporary table left on the connection would
 * then shadow the tenant's own (https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-SEARCH-PATH).
 */
export function searchPathOf(schema: string): string {
  return `${pg.escapeIdentifier(schema)}, public, pg_temp`;
}

export function createStamp(
  tenantId: string,
  schema: string,
  { key, statementTimeoutMs, isGated }: StampOptions = {},
): Stamp {
  const searchPath = searchPathOf(schema);
  const proof = key === undefined ? '' : proofOf(key, tenantId);
  return Object.freeze({ tenantId, proof, searchPath, statementTimeoutMs, ...(isGated && { gate: schema }) });
}

/** The same stamp under another key. */
export function signedWith(key: StampKey, stamp: Stamp): Stamp {
  return Object.freeze({ ...stamp, proof: proofOf(key, stamp.tenantId) });
}
