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
import { type Token, isNamed, isSymbol, isWord } from './sql-tokens.js';

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

function refuse(statement: string, remedy: string): never {
  throw new SessionStatementRefusedError(statement, remedy);
}
