import pg from 'pg';
import { assertNotOfStamp, durationMs, isReadableSetting, mayChangeSetting, settingSpelling } from './settings.js';
import { SessionStatementRefusedError } from './sql-guard.errors.js';
import type { Token } from './sql-tokens.js';
import { isNamed, isSymbol, isWord, startsWithWords } from './token-patterns.js';

/** A statement built here from constants and bound values, which is sent instead of the caller's text. */
export interface BuiltStatement {
  readonly text: string;
  readonly values: readonly unknown[];
  /** In ms: set when the statement changes `statement_timeout`. */
  readonly statementTimeoutMs?: number;
}

/** Where a statement runs. */
export type StatementScope = 'statement' | 'transaction' | 'session';

const USE_SESSION = 'open a session with TenantConnectionService.session()';
const NOT_ADMITTED =
  'this setting, or this value of it, is not admitted for a tenant: leave it, or set it on the login role';
const NO_ENDLESS_STATEMENTS = `a statement must end: give it a time above 0 with its unit, such as '10min'`;

/**
 * `SET` and `SET LOCAL` as a call of `set_config` with bound values.
 *
 * @throws SessionStatementRefusedError, StampProtectedError
 */
export function setCommand(command: readonly Token[], scope: StatementScope): BuiltStatement {
  const isLocal = isWord(command[1], 'local');
  if (!isLocal && scope !== 'session') refuse('SET', `use SET LOCAL in a transaction, or ${USE_SESSION}`);
  if (scope === 'statement')
    refuse('SET LOCAL', `it has no effect outside a transaction: start one, or ${USE_SESSION}`);
  const verb = isLocal ? 'SET LOCAL' : 'SET';
  const { name, rest } = readSetting(command.slice(isWord(command[1], 'local', 'session') ? 2 : 1));
  assertNotOfStamp(verb, name);
  return changeOf(verb, name, readValue(rest, verb), isLocal);
}

/** @throws SessionStatementRefusedError, StampProtectedError */
export function resetCommand(command: readonly Token[], scope: StatementScope): BuiltStatement {
  if (scope !== 'session') refuse('RESET', USE_SESSION);
  const { name, rest } = readSetting(command.slice(1));
  if (name === 'all' || rest.length > 0)
    refuse('RESET', 'reset one setting by its name; a session is reset at its end');
  assertNotOfStamp('RESET', name);
  return changeOf('RESET', name, undefined, false);
}

/** `SHOW` as a query with the same column. @throws SessionStatementRefusedError */
export function showCommand(command: readonly Token[]): BuiltStatement {
  const isIsolation = startsWithWords(command, 'show', 'transaction', 'isolation', 'level') && command.length === 4;
  const { name, rest } = isIsolation ? { name: 'transaction_isolation', rest: [] } : readSetting(command.slice(1));
  if (rest.length > 0 || !isReadableSetting(name)) refuse('SHOW', "this setting is not one of a tenant's");
  const text = `SELECT pg_catalog.current_setting($1) AS ${pg.escapeIdentifier(settingSpelling(name))}`;
  return { text, values: [name] };
}

function changeOf(verb: string, name: string, value: string | undefined, isLocal: boolean): BuiltStatement {
  const isTimeout = name === 'statement_timeout';
  if (!mayChangeSetting(name, value)) refuse(verb, isTimeout ? NO_ENDLESS_STATEMENTS : NOT_ADMITTED);
  const built = { text: `SELECT pg_catalog.set_config($1, $2, ${isLocal})`, values: [name, value ?? null] };
  return isTimeout && value !== undefined ? { ...built, statementTimeoutMs: durationMs(value) } : built;
}

interface Setting {
  /** In lower case; with a dot for settings of extensions. */
  readonly name: string;
  readonly rest: readonly Token[];
}

function readSetting(tokens: readonly Token[]): Setting {
  if (startsWithWords(tokens, 'time', 'zone')) return { name: 'timezone', rest: tokens.slice(2) };
  let end = isNamed(tokens[0]) ? 1 : 0;
  while (end > 0 && isSymbol(tokens[end], '.') && isNamed(tokens[end + 1])) end += 2;
  const name = tokens.slice(0, end).map(({ text }) => text);
  return { name: name.join('').toLowerCase(), rest: tokens.slice(end) };
}

/** @returns undefined for the default */
function readValue(tokens: readonly Token[], verb: string): string | undefined {
  const values = isWord(tokens[0], 'to') || isSymbol(tokens[0], '=') ? tokens.slice(1) : tokens;
  if (values.length === 1 && isWord(values[0], 'default', 'local')) return undefined;
  const text = values.map((token) => (isSymbol(token, ',') ? ', ' : token.text)).join('');
  if (!isLiteral(values)) refuse(verb, 'its value must be one constant');
  return text;
}

/** A number with its sign and fraction, or names and strings with commas between (`DateStyle = ISO, DMY`). */
function isLiteral(values: readonly Token[]): boolean {
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(values.map(({ text }) => text).join(''))) return true;
  const isAt = (token: Token, index: number): boolean =>
    index % 2 === 1 ? isSymbol(token, ',') : isNamed(token) || token.kind === 'string';
  return values.length % 2 === 1 && values.every(isAt);
}

function refuse(statement: string, remedy: string): never {
  throw new SessionStatementRefusedError(statement, remedy);
}
