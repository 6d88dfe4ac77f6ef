import { SessionStatementRefusedError } from './sql-guard.errors.js';
import { type Token, hasWords, isWord, startsWithWords } from './sql-tokens.js';

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
