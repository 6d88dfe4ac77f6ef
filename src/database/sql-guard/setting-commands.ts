import pg from 'pg';
import { SessionStatementRefusedError, StampProtectedError } from './sql-guard.errors.js';
import { type Token, isNamed, isSymbol, isWord, startsWithWords } from './sql-tokens.js';

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

type IsAllowed = (value: string) => boolean;

const DURATION = /^([1-9]\d{0,8}) ?(ms|s|min|h)?$/;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000 };

/** Zero would switch the limit off; so would a unit in which the value is rounded to zero. */
const positiveDuration: IsAllowed = (value) => DURATION.test(value);
const under1GB: IsAllowed = (value) => /^\d{1,6} ?(?:kB)?$|^\d{1,3} ?MB$/.test(value);
const anything: IsAllowed = () => true;

/** The settings that a tenant's transaction or session may change, in the spelling of `SHOW`. */
const CHANGEABLE: ReadonlyMap<string, IsAllowed> = new Map<string, IsAllowed>([
  ['statement_timeout', positiveDuration],
  ['work_mem', under1GB],
  ...[
    ...['application_name', 'bytea_output', 'client_min_messages', 'DateStyle', 'default_text_search_config'],
    ...['default_transaction_deferrable', 'default_transaction_isolation', 'default_transaction_read_only'],
    ...['extra_float_digits', 'IntervalStyle', 'lc_monetary', 'lc_numeric', 'lc_time', 'lock_timeout'],
    ...['synchronous_commit', 'TimeZone', 'transaction_read_only', 'xmlbinary', 'xmloption'],
    // the planner's
    ...['constraint_exclusion', 'cpu_index_tuple_cost', 'cpu_operator_cost', 'cpu_tuple_cost', 'cursor_tuple_fraction'],
    ...['effective_cache_size', 'enable_async_append', 'enable_bitmapscan', 'enable_gathermerge', 'enable_hashagg'],
    ...['enable_hashjoin', 'enable_incremental_sort', 'enable_indexonlyscan', 'enable_indexscan', 'enable_material'],
    ...['enable_memoize', 'enable_mergejoin', 'enable_nestloop', 'enable_parallel_append', 'enable_parallel_hash'],
    ...['enable_partition_pruning', 'enable_partitionwise_aggregate', 'enable_partitionwise_join', 'enable_seqscan'],
    ...['enable_sort', 'enable_tidscan', 'from_collapse_limit', 'geqo', 'geqo_threshold', 'gin_fuzzy_search_limit'],
    ...['jit', 'join_collapse_limit', 'max_parallel_workers_per_gather', 'plan_cache_mode', 'random_page_cost'],
    ...['seq_page_cost'],
  ].map((name) => [name, anything] as const),
]);

const READABLE_ONLY: readonly string[] = [
  ...['app.tenant_id', 'block_size', 'client_encoding', 'in_hot_standby', 'integer_datetimes', 'is_superuser'],
  ...['lc_collate', 'lc_ctype', 'max_identifier_length', 'search_path', 'server_encoding', 'server_version'],
  ...['server_version_num', 'standard_conforming_strings', 'transaction_deferrable', 'transaction_isolation'],
];

const SPELLINGS: ReadonlyMap<string, string> = new Map(
  [...CHANGEABLE.keys(), ...READABLE_ONLY].map((name) => [name.toLowerCase(), name]),
);

/** They decide whose rows a transaction sees, or how its statements are tokenized here. */
const STAMP_SETTINGS: ReadonlySet<string> = new Set([
  ...['search_path', 'schema', 'role', 'session_authorization', 'session', 'client_encoding', 'names'],
  'standard_conforming_strings',
]);

/** @param name in lower case */
export function isReadableSetting(name: string): boolean {
  return SPELLINGS.has(name) || isCustomSetting(name);
}

/** @param duration an admitted value of `statement_timeout` @returns ms */
function durationMs(duration: string): number {
  const [, count, unit = 'ms'] = DURATION.exec(duration) ?? [];
  return Number(count) * (UNIT_MS[unit] ?? 1);
}

/** The name as PostgreSQL shows it in the column of `SHOW`. */
function settingSpelling(name: string): string {
  return SPELLINGS.get(name) ?? name;
}

/**
 * @param name in lower case
 * @param value undefined for the setting's default
 */
function mayChangeSetting(name: string, value: string | undefined): boolean {
  const isAllowed = CHANGEABLE.get(settingSpelling(name));
  if (!isAllowed) return isCustomSetting(name);
  return value === undefined ? isAllowed === anything : isAllowed(value);
}

/** @throws StampProtectedError */
function assertNotOfStamp(command: string, name: string): void {
  if (name === 'app' || name.startsWith('app.')) throw new StampProtectedError(`${command} app.…`);
  if (STAMP_SETTINGS.has(name)) throw new StampProtectedError(`${command} ${name.toUpperCase()}`);
}

/** Settings with a dot belong to the team or an extension. `plpgsql.…` changes how functions are run, also ours. */
function isCustomSetting(name: string): boolean {
  return name.includes('.') && !/^(?:app|plpgsql|tenantry\w*)\./.test(name);
}
