import { MultipleCommandsError } from './sql-guard.errors.js';
import type { Token } from './sql-tokens.js';
import { isSymbol, isWord } from './token-patterns.js';

/** The modes of `BEGIN`, as they are sent. */
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

/**
 * The `BEGIN` to send for a caller's own. It is built from constants, because it is sent together with the stamp over the
 * simple protocol, which runs every command of a text, and a quoted name could contain commands.
 *
 * @throws MultipleCommandsError for anything except transaction modes
 */
export function beginCommandOf(command: readonly Token[]): string {
  const modes = modesFrom(command, afterNoise(command), 'BEGIN');
  return modes === '' ? 'BEGIN' : `BEGIN ${modes}`;
}

/** Whether a command sets modes of the current transaction, not defaults of the session. */
export function isSetTransaction(command: readonly Token[]): boolean {
  return isWord(command[0], 'set') && isWord(command[1], 'transaction') && !isWord(command[2], 'snapshot');
}

/**
 * The modes of a caller's `SET TRANSACTION`, built from constants.
 *
 * @throws MultipleCommandsError for anything except transaction modes
 */
export function transactionModesOf(command: readonly Token[]): string {
  const modes = modesFrom(command, 2, 'SET TRANSACTION');
  if (modes === '') throw new MultipleCommandsError('SET TRANSACTION');
  return modes;
}

function modesFrom(command: readonly Token[], start: number, name: string): string {
  const modes: string[] = [];
  let at = start;
  while (at < command.length) {
    if (modes.length > 0 && isSymbol(command[at], ',')) at += 1;
    const mode = modeAt(command, at);
    if (mode === undefined) throw new MultipleCommandsError(name);
    modes.push(mode);
    at += mode.split(' ').length;
  }
  return modes.join(', ');
}

/** @throws MultipleCommandsError for anything except a plain `COMMIT`, `END`, `ROLLBACK` or `ABORT` */
export function assertEndsTransaction(command: readonly Token[]): void {
  const rest = command.slice(afterNoise(command));
  if (rest.length > 0 && wordsOf(rest) !== NO_CHAIN) rejectTrailing(command);
}

/**
 * Whether a `ROLLBACK` rolls back to a savepoint, which does not end the transaction.
 *
 * @throws MultipleCommandsError when something follows the savepoint's name
 */
export function isRollbackToSavepoint(command: readonly Token[]): boolean {
  const to = afterNoise(command);
  if (!isWord(command[to], 'to')) return false;
  const name = isWord(command[to + 1], 'savepoint') && command.length > to + 2 ? to + 2 : to + 1;
  const named = command[name]?.kind === 'word' || command[name]?.kind === 'name';
  if (!named || command.length > name + 1) rejectTrailing(command);
  return true;
}

function rejectTrailing(command: readonly Token[]): never {
  throw new MultipleCommandsError(command[0]?.text.toUpperCase() ?? '');
}

/** Skips the optional noise words `WORK` and `TRANSACTION` after the first word. */
function afterNoise(command: readonly Token[]): number {
  return isWord(command[1], 'work', 'transaction') ? 2 : 1;
}

function modeAt(command: readonly Token[], at: number): string | undefined {
  return MODES.find((mode) => wordsOf(command.slice(at, at + mode.split(' ').length)) === mode.toLowerCase());
}

/** Undefined unless all tokens are plain words. */
function wordsOf(tokens: readonly Token[]): string | undefined {
  return tokens.every(({ kind }) => kind === 'word') ? tokens.map(({ text }) => text).join(' ') : undefined;
}
