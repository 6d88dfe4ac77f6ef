import type pg from 'pg';
import { MultipleCommandsError, SessionStatementRefusedError, StampProtectedError } from './session.errors.js';

/** What a caller wants to run. Two commands in one text are refused by the server. */
export interface Statement {
  readonly text: string;
  readonly values?: readonly unknown[] | undefined;
  readonly rowMode?: string | undefined;
  readonly types?: pg.CustomTypesConfig | undefined;
}

/**
 * What a statement means for the connection it runs on.
 * `begin`, `commit`, `rollback` open and close a lease; `plain` is complete in itself.
 */
export type StatementKind = 'plain' | 'begin' | 'commit' | 'rollback';

const LEASE = 'open a session with TenantConnectionService.session()';

/** Leading keywords that change the session itself, and what to do instead. */
const SESSION_KEYWORDS: ReadonlyMap<string, string> = new Map([
  ['RESET', LEASE],
  ['DISCARD', LEASE],
  ['LISTEN', LEASE],
  ['UNLISTEN', LEASE],
  ['PREPARE', `${LEASE}; statements with parameters are planned by the server anyway`],
  ['DEALLOCATE', LEASE],
  ['LOAD', LEASE],
]);

/** `BEGIN` and its modes and nothing behind them: it is sent together with the stamp. */
const BEGIN_ALONE = /^[\s;]*(?:begin(?:\s+(?:work|transaction))?|start\s+transaction)[a-z,\s]*;?\s*$/i;

/** Cheap first look: only a text that matches is scrubbed and read closely. */
const SUSPICIOUS = /set_config|advisory|temp|app\s*"?\.|chain|hold|U&/i;
const SET_CONFIG = /\bset_config\b/i;
const SESSION_ADVISORY_LOCK = /\bpg_(?:try_)?advisory_(?:lock|lock_shared|unlock|unlock_shared|unlock_all)\b/i;
const TEMPORARY = /\b(?:create|into)\s+(?:or\s+replace\s+)?(?:(?:global|local)\s+)?temp(?:orary)?\b|\bpg_temp\b/i;
const DROPPED_ON_COMMIT = /\bon\s+commit\s+drop\b/i;
const WITH_HOLD = /\bwith\s+hold\b/i;
const AND_CHAIN = /\band\s+chain\b/i;
const UNICODE_ESCAPED_NAME = /\bU&"/i;

/**
 * Reads what a statement does to its connection and refuses what would outlive it.
 *
 * This keeps application code that is wrong from harming its neighbours. Code that is hostile is held by row-level
 * security and the stamp, not by this reading of its text.
 *
 * @throws SessionStatementRefusedError for what would stay on the connection
 * @throws StampProtectedError for what would change the stamp inside a transaction
 */
export function classifyStatement(text: string, inTransaction: boolean): StatementKind {
  const start = skipBlank(text, 0);
  const keyword = /^[a-z]+/i.exec(text.slice(start, start + 20))?.[0].toUpperCase() ?? '';
  const remedy = SESSION_KEYWORDS.get(keyword);
  if (remedy !== undefined) return keyword === 'PREPARE' ? refusePrepare(text, remedy) : refuse(keyword, remedy);
  if (keyword === 'SET') refuseUnlessHarmlessSet(scrub(text), inTransaction);
  if (SUSPICIOUS.test(text)) refuseHidden(scrub(text), inTransaction);
  return kindOf(keyword, text);
}

function kindOf(keyword: string, text: string): StatementKind {
  switch (keyword) {
    case 'BEGIN':
    case 'START':
      if (!BEGIN_ALONE.test(scrub(text))) throw new MultipleCommandsError(keyword);
      return 'begin';
    case 'COMMIT':
    case 'END':
      return 'commit';
    case 'ABORT':
      return 'rollback';
    case 'ROLLBACK':
      return /^\s*rollback\s+(?:(?:work|transaction)\s+)?to\b/i.test(scrub(text)) ? 'plain' : 'rollback';
    default:
      return 'plain';
  }
}

function refuse(statement: string, remedy: string): never {
  throw new SessionStatementRefusedError(statement, remedy);
}

function refusePrepare(text: string, remedy: string): never {
  if (/^\s*prepare\s+transaction\b/i.test(scrub(text))) {
    refuse('PREPARE TRANSACTION', 'a prepared transaction would outlive its connection; commit it instead');
  }
  refuse('PREPARE', remedy);
}

function refuseUnlessHarmlessSet(scrubbed: string, inTransaction: boolean): void {
  if (/^\s*set\s+(?:transaction|constraints)\b/i.test(scrubbed)) return;
  const local = /^\s*set\s+local\s+/i.exec(scrubbed);
  if (!local) refuse('SET', `use SET LOCAL in a transaction, or ${LEASE}`);
  if (!inTransaction) refuse('SET LOCAL', `it has no effect outside a transaction: begin one, or ${LEASE}`);
  const name = scrubbed.slice(local[0].length).replaceAll(/["\s]/g, '').toLowerCase();
  if (/^(?:app\.|search_path|role|session_?authorization)/.test(name)) throw new StampProtectedError('SET LOCAL');
}

function refuseHidden(scrubbed: string, inTransaction: boolean): void {
  if (SET_CONFIG.test(scrubbed)) refuse('set_config()', `use SET LOCAL in a transaction, or ${LEASE}`);
  if (UNICODE_ESCAPED_NAME.test(scrubbed)) refuse('U&"…"', 'write the name without Unicode escapes');
  if (SESSION_ADVISORY_LOCK.test(scrubbed)) {
    refuse('a session advisory lock', `use pg_advisory_xact_lock in a transaction, or ${LEASE}`);
  }
  if (TEMPORARY.test(scrubbed) && !(inTransaction && DROPPED_ON_COMMIT.test(scrubbed))) {
    refuse('a temporary object', `create it in a transaction with ON COMMIT DROP, or ${LEASE}`);
  }
  if (WITH_HOLD.test(scrubbed)) refuse('a cursor WITH HOLD', `read it inside the transaction, or ${LEASE}`);
  if (AND_CHAIN.test(scrubbed)) refuse('AND CHAIN', 'the chained transaction would have no stamp: begin a new one');
}

/** The text without comments and string constants, so that words inside them do not count. */
function scrub(text: string): string {
  return text.replaceAll(
    /--[^\n]*|\/\*[\s\S]*?\*\/|\bE'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|(\$(?:[A-Za-z_]\w*)?\$)[\s\S]*?\1/gi,
    ' ',
  );
}

/** First position at or after `from` that is neither white space nor a comment. */
function skipBlank(text: string, from: number): number {
  const blank = /(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/|;)*/y;
  blank.lastIndex = from;
  blank.test(text);
  return blank.lastIndex;
}
