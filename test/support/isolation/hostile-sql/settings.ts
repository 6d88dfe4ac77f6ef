import type { HostileSql } from './hostile-sql.js';

const READ = `SELECT * FROM {b}.customers WHERE tenant_id = '{B}'`;
const left = (name: string, value: string): readonly string[] => [
  `SELECT set_config('${name}', '${value}', false)`,
  READ,
];

/**
 * Settings left on the session under the tag of a row statement, which PostgreSQL does not report. The next tenant may be
 * refused by them; it is never answered with another's rows.
 */
export const SETTINGS: readonly HostileSql[] = [
  left('row_security', 'off'),
  left('default_transaction_read_only', 'on'),
  left('default_transaction_isolation', 'serializable'),
  left('default_transaction_deferrable', 'on'),
  left('idle_in_transaction_session_timeout', '60000'),
  left('lock_timeout', '1'),
  left('transaction_timeout', '60000'),
  left('temp_file_limit', '0'),
  left('work_mem', '64'),
  left('search_path', 'pg_temp, {b}'),
  left('role', 'none'),
  left('session_authorization', 'default'),
  left('temp_tablespaces', 'pg_default'),
  left('default_table_access_method', 'heap'),
  left('client_min_messages', 'debug5'),
  left('log_parameter_max_length_on_error', '-1'),
  left('debug_print_plan', 'on'),
  left('transform_null_equals', 'on'),
  left('array_nulls', 'off'),
  left('extra_float_digits', '-15'),
  left('bytea_output', 'escape'),
  left('xmlbinary', 'hex'),
  left('xmloption', 'document'),
  left('lc_monetary', 'C'),
  left('default_text_search_config', 'pg_catalog.german'),
  left('gin_fuzzy_search_limit', '1'),
  left('synchronous_commit', 'off'),
  left('plan_cache_mode', 'force_generic_plan'),
  left('restrict_nonsystem_relation_kind', 'view'),
  left('createrole_self_grant', 'set, inherit'),
  left('session_replication_role', 'replica'),
  left('local_preload_libraries', 'auto_explain'),
  left('max_parallel_workers_per_gather', '0'),
  left('app.tenant_proof', 'x'),
  [`UPDATE pg_settings SET setting = 'off' WHERE name = 'row_security'`, READ],
  [`UPDATE pg_settings SET setting = 'on' WHERE name = 'transform_null_equals'`, READ],
  [`UPDATE pg_settings SET setting = 'pg_temp' WHERE name = 'search_path'`, READ],
  `SELECT setseed(0)`,
  `SELECT pg_advisory_lock(42)`,
  `SELECT pg_advisory_lock(hashtext('tenantry isolation'))`,
];
