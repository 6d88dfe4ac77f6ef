import { StampProtectedError } from './sql-guard.errors.js';
import { SessionStatementRefusedError } from './sql-guard.errors.js';
import { type Token, tokenize } from './sql-tokens.js';
import { hasWords, isName, isSymbol, isWord, startsWithWords } from './token-patterns.js';

type Rule = (command: readonly Token[], inTransaction: boolean) => void;

const USE_SESSION = 'open a session with TenantConnectionService.session()';
const USE_MIGRATION = 'put it into a migration';

/** Checks by the first word of a command, for commands that may change the session they run in. */
const COMMAND_RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['set', refuseSessionSet],
  ['reset', () => refuse('RESET', USE_SESSION)],
  ['discard', () => refuse('DISCARD', USE_SESSION)],
  ['listen', () => refuse('LISTEN', USE_SESSION)],
  ['unlisten', () => refuse('UNLISTEN', USE_SESSION)],
  ['load', () => refuse('LOAD', USE_SESSION)],
  ['prepare', refusePrepare],
  ['execute', () => refuse('EXECUTE', USE_SESSION)],
  ['deallocate', () => refuse('DEALLOCATE', USE_SESSION)],
  ['do', () => refuse('DO', `its body cannot be checked: send its statements instead, or ${USE_SESSION}`)],
  ['copy', refuseCopyOverTheWire],
  ['create', refuseCreate],
  ['alter', refuseAlter],
  ['lock', refuseLock],
  ['declare', refuseHoldableCursor],
  ['commit', refuseChainAndPrepared],
  ['end', refuseChainAndPrepared],
  ['rollback', refuseChainAndPrepared],
  ['abort', refuseChainAndPrepared],
]);

const USE_TRANSACTION_LOCK = `use pg_advisory_xact_lock() in a transaction, or ${USE_SESSION}`;
const ENDS_OTHERS_WORK = 'the login role is shared, so it could end the work of other tenants';
const RUN_AS_STATEMENT = `the SQL in its arguments cannot be checked: run it as a statement, or ${USE_SESSION}`;

/** Functions whose effect stays in the session, or that run SQL from a string argument; with the remedy for the message. */
const REFUSED_FUNCTIONS: ReadonlyMap<string, string> = new Map([
  ['set_config', `use SET LOCAL in a transaction, or ${USE_SESSION}`],
  ['set_limit', `use SET LOCAL pg_trgm.similarity_threshold in a transaction, or ${USE_SESSION}`],
  ['pg_advisory_lock', USE_TRANSACTION_LOCK],
  ['pg_advisory_lock_shared', USE_TRANSACTION_LOCK],
  ['pg_try_advisory_lock', `use pg_try_advisory_xact_lock() in a transaction, or ${USE_SESSION}`],
  ['pg_try_advisory_lock_shared', `use pg_try_advisory_xact_lock_shared() in a transaction, or ${USE_SESSION}`],
  ['pg_advisory_unlock', USE_TRANSACTION_LOCK],
  ['pg_advisory_unlock_shared', USE_TRANSACTION_LOCK],
  ['pg_advisory_unlock_all', USE_TRANSACTION_LOCK],
  ['pg_terminate_backend', ENDS_OTHERS_WORK],
  ['pg_cancel_backend', ENDS_OTHERS_WORK],
  ['query_to_xml', RUN_AS_STATEMENT],
  ['query_to_xmlschema', RUN_AS_STATEMENT],
  ['query_to_xml_and_xmlschema', RUN_AS_STATEMENT],
  ['ts_stat', RUN_AS_STATEMENT],
  ['ts_rewrite', RUN_AS_STATEMENT],
]);

/** Outside a transaction they return the result of the connection's previous user. */
const SEQUENCE_FUNCTIONS: ReadonlySet<string> = new Set(['lastval', 'currval']);

const TEMPORARY_SCHEMA = /^pg_(?:toast_)?temp(?:_\d+)?$/;

/** Settings that decide whose rows a transaction sees, or how its statements are tokenized here. */
const STAMP_SETTINGS: ReadonlySet<string> = new Set([
  'search_path',
  'schema', // SET LOCAL SCHEMA '…' is an alias for search_path
  'role',
  'session_authorization',
  'session', // SET LOCAL SESSION AUTHORIZATION
  'client_encoding',
  'names', // SET LOCAL NAMES '…' is an alias for client_encoding
  'standard_conforming_strings',
]);

/** Checks a command by its first word. @throws SessionStatementRefusedError, StampProtectedError */
export function refuseCommand(command: readonly Token[], inTransaction: boolean): void {
  const [first] = command;
  if (first?.kind === 'word') COMMAND_RULES.get(first.text)?.(command, inTransaction);
}

/** Checks functions and names at every position of a statement. @throws SessionStatementRefusedError */
export function refuseCalls(command: readonly Token[], inTransaction: boolean): void {
  for (const [index, token] of command.entries()) {
    if (token.kind === 'escaped-name') refuse('U&"…"', 'write the name without Unicode escapes');
    if (token.kind !== 'word' && token.kind !== 'name') continue;
    if (isSymbol(command[index + 1], '(')) refuseCall(token.text, inTransaction);
    else if (token.text === 'pg_settings') refuseSettingsUpdate(command, index);
    else if (isTemporary(command, index)) refuseTemporary(command, inTransaction);
  }
}

/**
 * Refuses what even a session lease may not do, because `DISCARD ALL` does not undo it. A session may send several commands
 * in one text.
 *
 * @throws SessionStatementRefusedError
 */
export function refuseWhatOutlivesSession(text: string): void {
  if (!/alter|prepare|copy|lock|_backend|&"/i.test(text)) return;
  const tokens = tokenize(text);
  for (const [index, token] of tokens.entries()) {
    refuseBackendSignal(token);
    if (index > 0 && !isSymbol(tokens[index - 1], ';')) continue;
    const command = tokens.slice(index);
    if (isWord(token, 'alter')) refuseAlter(command);
    if (isWord(token, 'lock')) refuseLock();
    if (isWord(token, 'copy')) refuseCopyOverTheWire(command);
    if (startsWithWords(command, 'prepare', 'transaction')) refusePrepare(command);
    refuseEndOfPrepared(command);
  }
}

/** These are functions, so they are checked at any position. */
function refuseBackendSignal(token: Token): void {
  if (token.kind === 'escaped-name') refuse('U&"…"', 'write the name without Unicode escapes');
  if (isName(token, /^pg_(?:terminate|cancel)_backend$/)) refuse(`${token.text}()`, ENDS_OTHERS_WORK);
}

function refuse(statement: string, remedy: string): never {
  throw new SessionStatementRefusedError(statement, remedy);
}

function refuseCall(name: string, inTransaction: boolean): void {
  const remedy = REFUSED_FUNCTIONS.get(name);
  if (remedy !== undefined) refuse(`${name}()`, remedy);
  if (SEQUENCE_FUNCTIONS.has(name) && !inTransaction) {
    refuse(`${name}()`, 'connections are shared between statements: use RETURNING, or call it in the same transaction');
  }
}

function refuseSessionSet(command: readonly Token[], inTransaction: boolean): void {
  // `SET transaction.x` is a setting of that name.
  if (isWord(command[1], 'transaction', 'constraints') && !isSymbol(command[2], '.')) return;
  if (!isWord(command[1], 'local')) refuse('SET', `use SET LOCAL in a transaction, or ${USE_SESSION}`);
  if (!inTransaction) refuse('SET LOCAL', `it has no effect outside a transaction: start one, or ${USE_SESSION}`);
  const setting = (command[2]?.text ?? '').toLowerCase();
  const isStamp = setting === 'app' || setting.startsWith('app.');
  if (isStamp) throw new StampProtectedError('SET LOCAL app.…');
  if (STAMP_SETTINGS.has(setting)) throw new StampProtectedError(`SET LOCAL ${setting.toUpperCase()}`);
}

function refusePrepare(command: readonly Token[]): void {
  if (isWord(command[1], 'transaction')) {
    refuse('PREPARE TRANSACTION', 'a prepared transaction would outlive its connection: use COMMIT instead');
  }
  refuse('PREPARE', `send the statement itself with its parameters, or ${USE_SESSION}`);
}

/**
 * node-postgres sends no data for `FROM STDIN`: over the extended protocol the server then waits forever, because it has
 * consumed the `Sync`. The output of `TO STDOUT` is dropped.
 */
function refuseCopyOverTheWire(command: readonly Token[]): void {
  if (hasWords(command, 'from', 'stdin')) refuse('COPY FROM STDIN', 'use INSERT with many rows per statement instead');
  if (hasWords(command, 'to', 'stdout')) refuse('COPY TO STDOUT', 'read the rows with a stream instead');
}

/**
 * As with `DO`, the statements in a function body cannot be checked, and a `SET` clause would run them under another stamp.
 * `CREATE TABLE … AS EXECUTE` runs a prepared statement, possibly one of this product's own.
 */
function refuseCreate(command: readonly Token[]): void {
  const object = startsWithWords(command, 'create', 'or', 'replace') ? command[3] : command[1];
  if (isWord(object, 'function', 'procedure')) refuse('CREATE FUNCTION', USE_MIGRATION);
  if (hasWords(command, 'as', 'execute')) refuse('EXECUTE', USE_SESSION);
}

/** It blocks every tenant of a shared table, and row-level security does not restrict it. */
function refuseLock(): void {
  refuse('LOCK', 'lock rows with SELECT … FOR UPDATE, or use pg_advisory_xact_lock()');
}

/** A rule rewrites an UPDATE of this view to `set_config`, whose effect stays on the connection. */
function refuseSettingsUpdate(command: readonly Token[], index: number): void {
  let before = isSymbol(command[index - 1], '.') ? index - 3 : index - 1;
  if (isSymbol(command[before], '(')) before -= 1; // UPDATE ONLY (pg_settings)
  if (isWord(command[before], 'only')) before -= 1;
  const isMerged = isWord(command[before], 'into') && isWord(command[before - 1], 'merge');
  if (!isMerged && !isWord(command[before], 'update')) return;
  refuse('a change of pg_settings', `use SET LOCAL in a transaction, or ${USE_SESSION}`);
}

/** A role may change its own defaults, with which every later connection would start. */
function refuseAlter(command: readonly Token[]): void {
  if (isWord(command[1], 'role', 'user') && !isWord(command[2], 'mapping')) refuse('ALTER ROLE', USE_MIGRATION);
  if (isWord(command[1], 'database', 'system')) refuse(`ALTER ${command[1]?.text.toUpperCase()}`, USE_MIGRATION);
  if (isWord(command[1], 'function', 'procedure', 'routine')) refuse('ALTER FUNCTION', USE_MIGRATION);
}

function refuseHoldableCursor(command: readonly Token[]): void {
  if (hasWords(command, 'with', 'hold'))
    refuse('a cursor WITH HOLD', `read it inside the transaction, or ${USE_SESSION}`);
}

function refuseChainAndPrepared(command: readonly Token[]): void {
  refuseEndOfPrepared(command);
  if (hasWords(command, 'and', 'chain')) {
    refuse('AND CHAIN', 'the chained transaction would have no stamp: start a new one');
  }
}

function refuseEndOfPrepared(command: readonly Token[]): void {
  for (const keyword of ['commit', 'rollback']) {
    if (startsWithWords(command, keyword, 'prepared')) {
      refuse(`${keyword.toUpperCase()} PREPARED`, 'a prepared transaction is not tied to any connection');
    }
  }
}

/** `CREATE TEMP …`, `SELECT … INTO TEMP …`, and any name qualified with the temporary schema. */
function isTemporary(command: readonly Token[], index: number): boolean {
  if (isName(command[index], TEMPORARY_SCHEMA)) return isSymbol(command[index + 1], '.');
  if (!isWord(command[index], 'temp', 'temporary')) return false;
  const previous = isWord(command[index - 1], 'local', 'global') ? index - 2 : index - 1;
  if (isWord(command[previous], 'into')) return !isWord(command[previous - 1], 'insert', 'merge');
  return (
    isWord(command[previous], 'create') || (isWord(command[previous], 'replace') && isWord(command[previous - 1], 'or'))
  );
}

function refuseTemporary(command: readonly Token[], inTransaction: boolean): void {
  if (inTransaction && hasWords(command, 'on', 'commit', 'drop')) return;
  refuse('a temporary object', `create it in a transaction with ON COMMIT DROP, or ${USE_SESSION}`);
}
