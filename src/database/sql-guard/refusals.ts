import {
  CURRENT_SETTING,
  refusedAttributeRemedy,
  refusedFunctionRemedy,
  isAdmittedRelation,
  isRefusedRelation,
  isRefusedType,
} from './catalog-names.js';
import { isReadableSetting } from './setting-commands.js';
import { SessionStatementRefusedError } from './sql-guard.errors.js';
import { type Token, isNamed, isSymbol, isWord, hasWords, startsWithWords } from './sql-tokens.js';

const TEMPORARY_SCHEMA = /^pg_(?:toast_)?temp(?:_\d+)?$/;
const SHOWS_OTHERS = 'it shows names, texts or estimates of other tenants';
const ONE_SETTING = `name one of the admitted settings as a constant, current_setting('TimeZone')`;

/**
 * Checks names at every position of a statement: calls, relations of the catalogs, and `SELECT … INTO`, which creates a
 * table.
 *
 * @param mayUseTemporary whether the statement runs in a session, which may have temporary tables
 * @throws SessionStatementRefusedError
 */
export function refuseNames(command: readonly Token[], mayUseTemporary: boolean): void {
  for (const [index, token] of command.entries()) {
    if (token.kind === 'escaped-name') refuse('U&"…"', 'write the name without Unicode escapes');
    if (!isNamed(token)) continue;
    if (isRefusedType(token.text)) refuse(token.text, SHOWS_OTHERS);
    // Behind `AS` stands an alias, with or without its columns.
    if (isWord(command[index - 1], 'as')) continue;
    refuseName(command, index, mayUseTemporary);
  }
  refuseInto(command);
}

function refuseName(command: readonly Token[], index: number, mayUseTemporary: boolean): void {
  const name = command[index]?.text ?? '';
  const isQualified = isSymbol(command[index - 1], '.');
  if (isSymbol(command[index + 1], '(')) refuseCall(command, index);
  else if (isQualified) refuseAttribute(name, command[index - 2]);
  else if (isSymbol(command[index + 1], '.')) refuseSchema(name, mayUseTemporary);
  if (!isQualified && isRefusedRelation(name)) refuse(name, SHOWS_OTHERS);
}

function refuseCall(command: readonly Token[], index: number): void {
  if (isWord(command[index - 1], 'into')) return; // the columns of an INSERT
  const name = command[index]?.text ?? '';
  const remedy = refusedFunctionRemedy(name);
  if (remedy !== undefined) refuse(`${name}()`, remedy);
  if (name === CURRENT_SETTING && !readsAdmittedSetting(command.slice(index + 2))) refuse(`${name}()`, ONE_SETTING);
}

/** `current_setting('name')` or `current_setting('name', missing_ok)`, seen from behind the parenthesis. */
function readsAdmittedSetting([name, separator]: readonly Token[]): boolean {
  // A constant without prefix that nothing follows: PostgreSQL joins two of them across a line break.
  const isComplete = isSymbol(separator, ')') || isSymbol(separator, ',');
  return name?.kind === 'string' && isComplete && isReadableSetting(name.text.toLowerCase());
}

/** `('a').f` and `alias.f` call `f('a')` and `f(alias)`: PostgreSQL tries a function where no such column exists. */
function refuseAttribute(name: string, owner: Token | undefined): void {
  const isOfCatalog = isNamed(owner) && owner.text === 'pg_catalog' && !isAdmittedRelation(name);
  const remedy = isOfCatalog ? refusedFunctionRemedy(name) : refusedAttributeRemedy(name);
  if (remedy !== undefined) refuse(name, remedy);
  if (name === CURRENT_SETTING) refuse(name, ONE_SETTING);
}

function refuseSchema(name: string, mayUseTemporary: boolean): void {
  if (name === 'information_schema' || name === 'pg_toast') refuse(name, SHOWS_OTHERS);
  if (TEMPORARY_SCHEMA.test(name) && !mayUseTemporary) {
    refuse('a temporary object', 'open a session with TenantConnectionService.session()');
  }
}

/** `INTO` belongs to an `INSERT` or `MERGE`, unless a `SELECT` stands before it within the same parentheses. */
function refuseInto(command: readonly Token[]): void {
  const selects: boolean[] = [false];
  for (const [index, token] of command.entries()) {
    if (isSymbol(token, '(')) selects.push(false);
    else if (isSymbol(token, ')')) selects.pop();
    else if (!isWord(token, 'select', 'into') || isLabel(command, index)) continue;
    else if (token.text === 'select') selects[selects.length - 1] = true;
    else if (selects.at(-1) === true)
      refuse('SELECT … INTO', 'create the table with a migration, or CREATE TEMP TABLE … AS in a session');
  }
}

function isLabel(command: readonly Token[], index: number): boolean {
  return isWord(command[index - 1], 'as') || isSymbol(command[index - 1], '.');
}

const USE_SESSION = 'in TenantConnectionService.session()';
const USE_MIGRATION = 'put it into a migration';
const USE_STREAM = 'read the rows with a cursor or stream (pg-cursor, pg-query-stream)';
const USE_PARAMETERS = 'send the statement itself with its parameters: one that repeats is prepared on its own';

/** What to do instead of a command that is never sent for a tenant, by its first word. */
const REMEDIES: ReadonlyMap<string, string> = new Map([
  ['do', 'its body cannot be checked: send its statements instead, or put it into a function by a migration'],
  ['call', 'a procedure may end the transaction: call a function with SELECT'],
  ['copy', 'use INSERT with many rows per statement, or read the rows with a stream'],
  ['explain', 'it shows statistics of all tenants: explain a statement on rows in development, or as the owner'],
  ['prepare', USE_PARAMETERS],
  ['execute', USE_PARAMETERS],
  ['deallocate', USE_PARAMETERS],
  ['discard', `use a session ${USE_SESSION}: it is reset when it ends`],
  ['listen', `use session.listen() ${USE_SESSION}: its channel belongs to the tenant`],
  ['unlisten', `use session.unlisten() ${USE_SESSION}`],
  ['notify', `use session.notify() ${USE_SESSION}: its channel belongs to the tenant`],
  ['lock', `lock rows with SELECT … FOR UPDATE, or use session.lock() ${USE_SESSION}`],
  ['declare', USE_STREAM],
  ['fetch', USE_STREAM],
  ['move', USE_STREAM],
  ['close', USE_STREAM],
  ...[
    ...['alter', 'analyze', 'cluster', 'comment', 'create', 'drop', 'grant', 'import', 'load', 'reassign', 'refresh'],
    ...['reindex', 'revoke', 'security', 'truncate', 'vacuum', 'checkpoint'],
  ].map((word) => [word, USE_MIGRATION] as const),
]);

const USE_ROWS = 'send SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES, TABLE or WITH, or a transaction command';

/** @throws SessionStatementRefusedError always, with the way to do it */
export function refuseStatement(command: readonly Token[]): never {
  const [first] = command;
  const remedy = first?.kind === 'word' ? REMEDIES.get(first.text) : undefined;
  if (first === undefined || remedy === undefined) return refuse('this statement', USE_ROWS);
  if (isTemporaryTable(command)) return refuse('a temporary table', `create it ${USE_SESSION}`);
  return refuse(first.text.toUpperCase(), remedy);
}

/** Whether a session may run it: it creates a temporary table, or drops one, as a login role owns no others. */
export function isAdmittedInSession(command: readonly Token[]): boolean {
  if (startsWithWords(command, 'drop', 'table')) return true;
  // `AS EXECUTE` runs a prepared statement, possibly one of this product's own.
  return isTemporaryTable(command) && !hasWords(command, 'as', 'execute');
}

function isTemporaryTable(command: readonly Token[]): boolean {
  const at = isWord(command[1], 'local', 'global') ? 2 : 1;
  return isWord(command[0], 'create') && isWord(command[at], 'temp', 'temporary') && isWord(command[at + 1], 'table');
}

/**
 * `COMMIT AND CHAIN` and two-phase commit are refused, because what they leave is tied to no lease.
 *
 * @throws SessionStatementRefusedError
 */
export function refuseChainAndPrepared(command: readonly Token[]): void {
  const verb = command[0]?.text.toUpperCase() ?? '';
  if (isWord(command[1], 'prepared'))
    refuse(`${verb} PREPARED`, 'a prepared transaction is not tied to any connection');
  if (hasWords(command, 'and', 'chain')) {
    refuse('AND CHAIN', 'the chained transaction would have no stamp: start a new one');
  }
}

function refuse(statement: string, remedy: string): never {
  throw new SessionStatementRefusedError(statement, remedy);
}
