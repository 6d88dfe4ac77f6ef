import { StampProtectedError } from './sql-guard.errors.js';

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
export function durationMs(duration: string): number {
  const [, count, unit = 'ms'] = DURATION.exec(duration) ?? [];
  return Number(count) * (UNIT_MS[unit] ?? 1);
}

/** The name as PostgreSQL shows it in the column of `SHOW`. */
export function settingSpelling(name: string): string {
  return SPELLINGS.get(name) ?? name;
}

/**
 * @param name in lower case
 * @param value undefined for the setting's default
 */
export function mayChangeSetting(name: string, value: string | undefined): boolean {
  const isAllowed = CHANGEABLE.get(settingSpelling(name));
  if (!isAllowed) return isCustomSetting(name);
  return value === undefined ? isAllowed === anything : isAllowed(value);
}

/** @throws StampProtectedError */
export function assertNotOfStamp(command: string, name: string): void {
  if (name === 'app' || name.startsWith('app.')) throw new StampProtectedError(`${command} app.…`);
  if (STAMP_SETTINGS.has(name)) throw new StampProtectedError(`${command} ${name.toUpperCase()}`);
}

/** Settings with a dot belong to the team or an extension. `plpgsql.…` changes how functions are run, also ours. */
function isCustomSetting(name: string): boolean {
  return name.includes('.') && !/^(?:app|plpgsql|tenantry\w*)\./.test(name);
}
