import pg from 'pg';
import { ISOLATION_SCHEMA } from '../../isolation/isolation-functions.js';
import { proofOf, type StampKey } from '../../isolation/stamp-key.js';

/**
 * The tenant identity that travels with a statement, and the proof that it was given out by us.
 *
 * On a pooled connection all settings are transaction-local, so nothing of a tenant outlives its statement or
 * transaction there. The values are always bound parameters: texts are visible to others in `pg_stat_activity`. Databases with
 * Citus are the exception (`stamp-commands`).
 */
export interface Stamp {
  readonly tenantId: string;
  /** Value of `app.tenant_proof`; empty while the tenant's database has no key. */
  readonly proof: string;
  /** Value of `search_path`, already quoted. */
  readonly searchPath: string;
  /** In ms. Set only behind a pooler, where it cannot be set when connecting. */
  readonly statementTimeoutMs?: number | undefined;
  /** Of the tenant's place; not sent. */
  readonly serverId?: string | undefined;
  /** The schema, while the tenant moves: the database is asked each time whether its rows are still there. */
  readonly gate?: string | undefined;
  /** Whether what follows it may only read, on a primary too. */
  readonly isReadOnly?: boolean | undefined;
  /** What the replica must have replayed, as a `pg_lsn`; otherwise the stamp fails (`isReplicaBehind`). */
  readonly replayed?: string | undefined;
}

/** How long a stamp's settings last. */
type StampScope = 'transaction' | 'session';

/** What a tenant's stamps are made with, besides its id. */
export interface StampOptions {
  /** The key of the tenant's database; undefined while it has none. */
  readonly key?: StampKey | undefined;
  readonly statementTimeoutMs?: number | undefined;
  readonly serverId?: string | undefined;
  /** Whether the tenant moves. */
  readonly isGated?: boolean | undefined;
}

const INVALID_TEXT = '22P02';
const BEHIND = 'the replica is behind at ';

/** What passes the gate of a tenant that moves: one statement, or a transaction until its end. */
export type GatePassage = 'check_gate' | 'enter_gate';

const READ_ONLY = `, pg_catalog.set_config('transaction_read_only', 'on', true)`;

/** Fails with a message that says how far the replica is. A former replica that was promoted has another history. */
const REPLAYED = `CASE WHEN pg_catalog.pg_is_in_recovery() AND pg_catalog.pg_last_wal_replay_lsn() >= $n::pg_lsn THEN 0
  ELSE pg_catalog.concat('${BEHIND}', pg_catalog.pg_last_wal_replay_lsn())::int END`;

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

/** The statement that stamps the statements of a flight: also for those that may only read, and with what a replica must have replayed. */
export function flightStampStatement(stamp: Stamp): { readonly text: string; readonly values: readonly string[] } {
  const { text, values } = stampStatement(stamp);
  if (!stamp.isReadOnly) return { text, values };
  if (stamp.replayed === undefined) return { text: text + READ_ONLY, values };
  const guard = REPLAYED.replace('$n', `$${values.length + 1}`);
  return { text: `${text}${READ_ONLY}, ${guard}`, values: [...values, stamp.replayed] };
}

/** What a replica must have replayed alone, behind a stamp that was sent as commands. */
export function replayedStatement(replayed: string): { readonly text: string; readonly values: readonly string[] } {
  return { text: `SELECT ${REPLAYED.replace('$n', '$1')}`, values: [replayed] };
}

/** Whether a read was refused because its replica had not replayed what `Stamp.replayed` says. Nothing of it has run. */
export function isReplicaBehind(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === INVALID_TEXT && error.message.includes(BEHIND);
}

/** The same for a tenant that moves; it fails where the gate is closed (`isGateClosed`). */
export function gatedStampStatement(
  stamp: Stamp,
  passage: GatePassage,
): { readonly text: string; readonly values: readonly string[] } {
  const { text, values } = flightStampStatement(stamp);
  // Behind the settings, which it reads.
  return {
    text: `${text}, ${ISOLATION_SCHEMA}.${passage}($${values.length + 1})`,
    values: [...values, stamp.gate ?? ''],
  };
}

/** The gate's passage alone, behind a stamp that was sent as commands. */
export function gateStatement(
  gate: string,
  passage: GatePassage,
): { readonly text: string; readonly values: readonly string[] } {
  return { text: `SELECT ${ISOLATION_SCHEMA}.${passage}($1)`, values: [gate] };
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
  { key, statementTimeoutMs, serverId, isGated }: StampOptions = {},
): Stamp {
  const searchPath = searchPathOf(schema);
  const proof = key === undefined ? '' : proofOf(key, tenantId);
  const gate = isGated && { gate: schema };
  return Object.freeze({ tenantId, proof, searchPath, statementTimeoutMs, serverId, ...gate });
}

/** The same stamp under another key. */
export function signedWith(key: StampKey, stamp: Stamp): Stamp {
  return Object.freeze({ ...stamp, proof: proofOf(key, stamp.tenantId) });
}
