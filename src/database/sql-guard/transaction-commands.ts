import pg from 'pg';
import { MultipleCommandsError } from './sql-guard.errors.js';
import { type Token, isNamed, isSymbol, isWord } from './sql-tokens.js';

/** The modes of a transaction, as they are sent. */
const MODES: readonly string[] = [
  'ISOLATION LEVEL SERIALIZABLE',
  'ISOLATION LEVEL REPEATABLE READ',
  'ISOLATION LEVEL READ COMMITTED',
  'ISOLATION LEVEL READ UNCOMMITTED',
  'READ ONLY',
  'READ WRITE',
  'DEFERRABLE',
  'NOT DEFERRABLE',
];
const NO_CHAIN = 'and no chain';

// Each command is built from constants and escaped names, never from the caller's text: a quoted name could contain commands.

/** @throws MultipleCommandsError for anything except transaction modes */
export function beginCommand(command: readonly Token[]): string {
  const modes = readModes(command, afterNoise(command), 'BEGIN');
  return modes.length > 0 ? `BEGIN ${modes.join(', ')}` : 'BEGIN';
}

/** @throws MultipleCommandsError for anything except transaction modes */
export function setTransactionCommand(command: readonly Token[]): string {
  const modes = readModes(command, 2, 'SET TRANSACTION');
  if (modes.length === 0) throw new MultipleCommandsError('SET TRANSACTION');
  return `SET TRANSACTION ${modes.join(', ')}`;
}

/** @throws MultipleCommandsError for anything except a plain `COMMIT`, `END`, `ROLLBACK` or `ABORT` */
export function assertEndsTransaction(command: readonly Token[]): void {
  const rest = command.slice(afterNoise(command));
  if (rest.length > 0 && wordsOf(rest) !== NO_CHAIN) rejectTrailing(command);
}

/**
 * The `ROLLBACK TO SAVEPOINT` for a caller's own; undefined for a `ROLLBACK` that ends the transaction.
 *
 * @throws MultipleCommandsError when something follows the savepoint's name
 */
export function rollbackToCommand(command: readonly Token[]): string | undefined {
  const to = afterNoise(command);
  if (!isWord(command[to], 'to')) return undefined;
  return `ROLLBACK TO SAVEPOINT ${readSavepoint(command, to + 1)}`;
}

/** @throws MultipleCommandsError when something follows the savepoint's name */
export function savepointCommand(command: readonly Token[]): string {
  const isRelease = isWord(command[0], 'release');
  if (isRelease) return `RELEASE SAVEPOINT ${readSavepoint(command, 1)}`;
  if (!isNamed(command[1]) || command.length > 2) rejectTrailing(command);
  return `SAVEPOINT ${pg.escapeIdentifier(command[1].text)}`;
}

/** @throws MultipleCommandsError for anything except names of constraints */
export function setConstraintsCommand(command: readonly Token[]): string {
  const mode = command.at(-1);
  if (!isWord(mode, 'deferred', 'immediate')) rejectTrailing(command);
  return `SET CONSTRAINTS ${readConstraints(command)} ${mode?.text.toUpperCase()}`;
}

/** `ALL`, or names with commas and dots between. */
function readConstraints(command: readonly Token[]): string {
  const names = command.slice(2, -1);
  if (names.length === 1 && isWord(names[0], 'all')) return 'ALL';
  const isAt = (token: Token, index: number): boolean =>
    index % 2 === 1 ? isSymbol(token, ',') || isSymbol(token, '.') : isNamed(token);
  if (names.length % 2 === 0 || !names.every(isAt)) rejectTrailing(command);
  return names.map((token) => (isNamed(token) ? pg.escapeIdentifier(token.text) : token.text)).join('');
}

/** The name at the end of the command, escaped; the word `SAVEPOINT` before it is optional. */
function readSavepoint(command: readonly Token[], from: number): string {
  const at = isWord(command[from], 'savepoint') && command.length > from + 1 ? from + 1 : from;
  const name = command[at];
  if (!isNamed(name) || command.length > at + 1) rejectTrailing(command);
  return pg.escapeIdentifier(name.text);
}

function rejectTrailing(command: readonly Token[]): never {
  throw new MultipleCommandsError(command[0]?.text.toUpperCase() ?? '');
}

/** Skips the optional noise words `WORK` and `TRANSACTION` after the first word. */
function afterNoise(command: readonly Token[]): number {
  return isWord(command[1], 'work', 'transaction') ? 2 : 1;
}

function readModes(command: readonly Token[], from: number, name: string): readonly string[] {
  const modes: string[] = [];
  let at = from;
  while (at < command.length) {
    if (modes.length > 0 && isSymbol(command[at], ',')) at += 1;
    const mode = modeAt(command, at);
    if (mode === undefined) throw new MultipleCommandsError(name);
    modes.push(mode);
    at += mode.split(' ').length;
  }
  return modes;
}

function modeAt(command: readonly Token[], at: number): string | undefined {
  return MODES.find((mode) => wordsOf(command.slice(at, at + mode.split(' ').length)) === mode.toLowerCase());
}

/** Undefined unless all tokens are plain words. */
function wordsOf(tokens: readonly Token[]): string | undefined {
  return tokens.every(({ kind }) => kind === 'word') ? tokens.map(({ text }) => text).join(' ') : undefined;
}
