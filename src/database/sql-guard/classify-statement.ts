import { refuseNames, isAdmittedInSession, refuseChainAndPrepared, refuseStatement } from './refusals.js';
import { isPlainRowStatement } from './row-statements.js';
import { type BuiltStatement, resetCommand, setCommand, showCommand, type StatementScope } from './setting-commands.js';
import { MultipleCommandsError, SessionStatementRefusedError } from './sql-guard.errors.js';
import { type Token, tokenize, isSymbol, isWord, stripExplain } from './sql-tokens.js';
import * as transaction from './transaction-commands.js';

/**
 * What a statement means for the connection that it runs on: `begin` opens a lease, `set-transaction` changes the modes of
 * its transaction, `commit` and `rollback` close it. `rows` reads or writes rows, wherever it runs; `plain` is any other.
 */
export type StatementKind = 'rows' | 'plain' | 'begin' | 'set-transaction' | 'commit' | 'rollback';

export interface ClassifiedStatement {
  readonly kind: StatementKind;
  /** What is sent instead of the caller's text and values; undefined: these are sent as they are. */
  readonly built?: BuiltStatement;
}

export interface StatementContext {
  readonly scope: StatementScope;
  /** Whether `EXPLAIN` is admitted: its estimates tell of the rows of all tenants of a target. */
  readonly mayExplain: boolean;
}

const ROWS: ClassifiedStatement = Object.freeze({ kind: 'rows' });
const PLAIN: ClassifiedStatement = Object.freeze({ kind: 'plain' });

/**
 * Determines what a statement does to its connection. Only statements on rows and commands that are built here pass.
 *
 * This is the second wall: it keeps faulty application code from harming other tenants, and names the way to do it.
 *
 * @throws SessionStatementRefusedError when it is not admitted
 * @throws StampProtectedError when the statement would change the stamp inside a transaction or session
 * @throws MultipleCommandsError when something follows a transaction command
 */
export function classifyStatement(text: string, context: StatementContext): ClassifiedStatement {
  return isPlainRowStatement(text) ? ROWS : classify(tokenize(text), context);
}

/**
 * Checks the statement of a cursor or stream. These may use the simple protocol, which runs every command of a text, so
 * only a single command on rows is allowed.
 *
 * @throws the errors of `classifyStatement`
 */
export function assertStreamable(text: string, context: StatementContext): void {
  const tokens = tokenize(text);
  if (commandOf(tokens).some((token) => isSymbol(token, ';'))) throw new MultipleCommandsError('a cursor or stream');
  const { kind, built } = classify(tokens, context);
  if (built === undefined && (kind === 'rows' || kind === 'plain')) return;
  throw new SessionStatementRefusedError('a command as a cursor or stream', 'send it with query()');
}

function classify(tokens: readonly Token[], context: StatementContext): ClassifiedStatement {
  const command = commandOf(tokens);
  const [first] = command;
  if (first === undefined) return PLAIN;
  const isOnRows = isRowsCommand(command);
  if (!isOnRows && !isExplained(command, context) && !isTemporary(command, context)) {
    return classifyCommand(command, context.scope);
  }
  refuseNames(command, context.scope === 'session');
  return isOnRows ? ROWS : PLAIN;
}

/** The tokens between leading and trailing semicolons. */
function commandOf(tokens: readonly Token[]): readonly Token[] {
  const first = tokens.findIndex((token) => !isSymbol(token, ';'));
  const last = tokens.findLastIndex((token) => !isSymbol(token, ';'));
  return first < 0 ? [] : tokens.slice(first, last + 1);
}

function isRowsCommand(command: readonly Token[]): boolean {
  const first = command.find((token) => !isSymbol(token, '('));
  if (isWord(first, 'select', 'values', 'table', 'with')) return true;
  return first === command[0] && isWord(first, 'insert', 'update', 'delete', 'merge');
}

function isExplained(command: readonly Token[], { mayExplain }: StatementContext): boolean {
  return mayExplain && isWord(command[0], 'explain') && isRowsCommand(stripExplain(command));
}

function isTemporary(command: readonly Token[], { scope }: StatementContext): boolean {
  return scope === 'session' && isAdmittedInSession(command);
}

function classifyCommand(command: readonly Token[], scope: StatementScope): ClassifiedStatement {
  switch (command[0]?.kind === 'word' ? command[0].text : '') {
    case 'begin':
    case 'start':
      return built('begin', transaction.beginCommand(command));
    case 'commit':
    case 'end':
      return endOf('commit', command);
    case 'rollback':
    case 'abort':
      return endOf('rollback', command);
    case 'savepoint':
    case 'release':
      return built('plain', transaction.savepointCommand(command));
    case 'set':
      return classifySet(command, scope);
    case 'reset':
      return { kind: 'plain', built: resetCommand(command, scope) };
    case 'show':
      return { kind: 'plain', built: showCommand(command) };
    default:
      return refuseStatement(command);
  }
}

function endOf(kind: 'commit' | 'rollback', command: readonly Token[]): ClassifiedStatement {
  refuseChainAndPrepared(command);
  const rollbackTo = kind === 'rollback' ? transaction.rollbackToCommand(command) : undefined;
  if (rollbackTo !== undefined) return built('plain', rollbackTo);
  transaction.assertEndsTransaction(command);
  return built(kind, kind.toUpperCase());
}

function classifySet(command: readonly Token[], scope: StatementScope): ClassifiedStatement {
  // `SET transaction.x` is a setting of that name.
  if (isSymbol(command[2], '.')) return { kind: 'plain', built: setCommand(command, scope) };
  if (isWord(command[1], 'transaction')) return built('set-transaction', transaction.setTransactionCommand(command));
  if (isWord(command[1], 'constraints')) return built('plain', transaction.setConstraintsCommand(command));
  return { kind: 'plain', built: setCommand(command, scope) };
}

function built(kind: StatementKind, text: string): ClassifiedStatement {
  return { kind, built: { text, values: [] } };
}
