/**
 * Which functions of `pg_catalog` a tenant's statement may call. Every other function passes: it belongs to the team or to
 * an extension, and its rights are checked where it is installed. A test compares these names with the catalogs of real
 * servers: a function that a new version of PostgreSQL brings fails it until it is decided upon.
 */

const USE_LOCK =
  'use session.lock(), tryLock() and unlock() in TenantConnectionService.session(), or SELECT … FOR UPDATE';
const USE_NOTIFY = 'use session.listen() and session.notify() in TenantConnectionService.session()';
const USE_SET = 'use SET LOCAL in a transaction, or SET in TenantConnectionService.session()';
const USE_RETURNING = "leave it to the column's default, and read the value with RETURNING";
const NOT_OF_A_TENANT = "it shows or changes more than the tenant's own rows";
const RUNS_SQL =
  'the SQL that it runs cannot be checked: send that as a statement, or put it into a function by a migration';

/** They begin like the names that PostgreSQL reserves for itself, and are harmless. */
const ADMITTED: ReadonlySet<string> = new Set([
  ...['pg_backend_pid', 'pg_basetype', 'pg_char_to_encoding', 'pg_client_encoding', 'pg_collation_for'],
  ...[
    'pg_column_compression',
    'pg_column_size',
    'pg_encoding_max_length',
    'pg_encoding_to_char',
    'pg_input_error_info',
  ],
  ...[
    'pg_input_is_valid',
    'pg_is_in_recovery',
    'pg_lsn',
    'pg_size_bytes',
    'pg_size_pretty',
    'pg_sleep',
    'pg_sleep_for',
  ],
  ...['pg_sleep_until', 'pg_timezone_abbrevs', 'pg_timezone_abbrevs_abbrevs', 'pg_timezone_abbrevs_zone'],
  ...['pg_timezone_names', 'pg_trigger_depth', 'pg_typeof', 'pg_wal_lsn_diff'],
]);

/** Names by which PostgreSQL and its extensions call what concerns the server. The most specific comes first. */
const REFUSED_PREFIXES: readonly (readonly [prefix: string, remedy: string])[] = [
  ['pg_advisory_', USE_LOCK],
  ['pg_try_advisory_', USE_LOCK],
  ['pg_notify', USE_NOTIFY],
  ['pg_listening', USE_NOTIFY],
  ['pg_', NOT_OF_A_TENANT],
  ['lo_', 'large objects have no tenant: keep the bytes in a column'],
  ['binary_upgrade_', NOT_OF_A_TENANT],
  ['txid_', NOT_OF_A_TENANT],
  ['brin_', NOT_OF_A_TENANT],
  ...['regclass', 'regcollation', 'regnamespace', 'regoper', 'regproc', 'regrole', 'regtype', 'to_reg'].map(
    (prefix): readonly [string, string] => [prefix, NOT_OF_A_TENANT],
  ),
  ['dblink', RUNS_SQL],
  ['crosstab', RUNS_SQL],
];

const REFUSED: ReadonlyMap<string, string> = new Map([
  ['set_config', USE_SET],
  ['set_limit', 'use SET LOCAL pg_trgm.similarity_threshold in a transaction'],
  ['setseed', 'the seed would stay on the connection: use values of your own'],
  ...named(USE_RETURNING, ['nextval', 'setval', 'currval', 'lastval']),
  ...named(RUNS_SQL, ['ts_stat', 'ts_rewrite', 'connectby', 'xpath_table', 'querytree']),
  ...['cursor', 'database', 'query', 'schema', 'table'].flatMap((source) =>
    named(RUNS_SQL, [`${source}_to_xml`, `${source}_to_xmlschema`, `${source}_to_xml_and_xmlschema`]),
  ),
  ...['any_column', 'column', 'database', 'foreign_data_wrapper', 'function', 'language', 'largeobject'].flatMap(
    (object) => named(NOT_OF_A_TENANT, [`has_${object}_privilege`]),
  ),
  ...['parameter', 'schema', 'sequence', 'server', 'table', 'tablespace', 'type'].flatMap((object) =>
    named(NOT_OF_A_TENANT, [`has_${object}_privilege`]),
  ),
  ...named(NOT_OF_A_TENANT, [
    ...['format_type', 'acldefault', 'aclexplode', 'makeaclitem', 'row_security_active', 'current_query', 'currtid2'],
    ...['col_description', 'obj_description', 'shobj_description', 'loread', 'lowrite', 'amvalidate'],
    ...['inet_client_addr', 'inet_client_port', 'inet_server_addr', 'inet_server_port', 'gin_clean_pending_list'],
    ...['postgresql_fdw_validator', 'satisfies_hash_partition'],
  ]),
]);

/**
 * Of the functions with a refused prefix, those that take one argument. As an attribute the prefix does not decide: TypeORM
 * names columns after their alias, `"distinctAlias"."lo_id"`.
 */
const ATTRIBUTES: readonly RegExp[] = [
  /^(?:to_)?reg(?:class|collation|namespace|oper|operator|proc|procedure|role|type|typemod)(?:in|out|recv|send)?$/,
  /^(?:binary_upgrade_set_|binary_upgrade_logical_|brin_summarize_|txid_(?:snapshot_|status$)|crosstab\d?$)/,
  /^lo_(?:close|creat|create|export|from_bytea|get|import|oid|open|put|tell|tell64|unlink)$/,
  /^dblink(?:_(?:connect|connect_u|disconnect|exec|is_busy|cancel_query|error_message|get_\w+))?$/,
  /^pg_(?:advisory|try_advisory|backup|ddl_command|dependencies|get|ls|mcv_list|ndistinct|node_tree|partition|read)_/,
  /^pg_(?:replication_origin|restore|snapshot|stat|statistics|walfile|xact)_|^pg_(?:promote|notify|current_logfile)$/,
  /^pg_(?:blocking|safe_snapshot_blocking)_pids$|^pg_(?:cancel|terminate)_backend$|^pg_log_backend_memory_contexts$/,
  /^pg_(?:collation|conversion|function|opclass|operator|opfamily|table|type|ts_\w+)_is_visible$|^pg_lsn_/,
  /^pg_(?:database|indexes|relation|table|tablespace|total_relation)_size$|^pg_tablespace_(?:databases|location)$/,
  /^pg_(?:collation|database_collation)_actual_version$|^pg_relation_(?:filenode|filepath|is_publishable)$/,
  /^pg_(?:column_toast_chunk_id|create_physical_replication_slot|create_restore_point|drop_replication_slot)$/,
  /^pg_(?:extension_update_paths|import_system_collations|is_other_temp_schema|options_to_table|settings_get_flags)$/,
  /^pg_(?:sequence_last_value|sequence_parameters|split_walfile_name|walfile_name)$/,
];

/** The only one that depends on its argument: `refused-calls.ts` admits some names of settings as a constant. */
export const CURRENT_SETTING = 'current_setting';

/** @returns the remedy for the message when no statement may call the function; undefined otherwise */
export function refusedFunctionRemedy(name: string): string | undefined {
  if (ADMITTED.has(name)) return undefined;
  return REFUSED.get(name) ?? REFUSED_PREFIXES.find(([prefix]) => name.startsWith(prefix))?.[1];
}

/** The same for `('a').name` and `alias.name`, which call it where no such column exists. */
export function refusedAttributeRemedy(name: string): string | undefined {
  const isFunction = REFUSED.has(name) || ATTRIBUTES.some((pattern) => pattern.test(name));
  return isFunction ? refusedFunctionRemedy(name) : undefined;
}

function named(remedy: string, names: readonly string[]): readonly (readonly [string, string])[] {
  return names.map((name) => [name, remedy]);
}

/**
 * The relations of `pg_catalog`, and of extensions that show other tenants' statements, without their prefix `pg_`. They
 * show names, texts and estimates of all tenants of a database. A test compares them with the catalogs of real servers.
 */
const RELATIONS_WITHOUT_PREFIX = `
  aggregate aios am amop amproc attrdef attribute auth_members authid available_extension_versions
  available_extensions backend_memory_contexts cast class collation config constraint conversion
  cursors database db_role_setting default_acl depend description enum event_trigger extension
  file_settings foreign_data_wrapper foreign_server foreign_table group hba_file_rules
  ident_file_mappings index indexes inherits init_privs language largeobject largeobject_metadata
  locks matviews namespace opclass operator opfamily parameter_acl partitioned_table policies policy
  prepared_statements prepared_xacts proc publication publication_namespace publication_rel
  publication_tables range replication_origin replication_origin_status replication_slots rewrite
  roles rules seclabel seclabels sequence sequences settings shadow shdepend shdescription
  shmem_allocations shmem_allocations_numa shseclabel stat_activity stat_all_indexes stat_all_tables
  stat_archiver stat_bgwriter stat_checkpointer stat_database stat_database_conflicts stat_gssapi
  stat_io stat_progress_analyze stat_progress_basebackup stat_progress_cluster stat_progress_copy
  stat_progress_create_index stat_progress_vacuum stat_recovery_prefetch stat_replication
  stat_replication_slots stat_slru stat_ssl stat_subscription stat_subscription_stats stat_sys_indexes
  stat_sys_tables stat_user_functions stat_user_indexes stat_user_tables stat_wal stat_wal_receiver
  stat_xact_all_tables stat_xact_sys_tables stat_xact_user_functions stat_xact_user_tables
  statio_all_indexes statio_all_sequences statio_all_tables statio_sys_indexes statio_sys_sequences
  statio_sys_tables statio_user_indexes statio_user_sequences statio_user_tables statistic
  statistic_ext statistic_ext_data stats stats_ext stats_ext_exprs subscription subscription_rel
  tables tablespace transform trigger type ts_config ts_config_map ts_dict ts_parser ts_template user
  user_mapping user_mappings views wait_events stat_statements stat_statements_info buffercache
`;

const REFUSED_RELATIONS: ReadonlySet<string> = new Set(
  RELATIONS_WITHOUT_PREFIX.trim()
    .split(/\s+/)
    .map((name) => `pg_${name}`),
);

const ADMITTED_RELATIONS: ReadonlySet<string> = new Set(['pg_timezone_names', 'pg_timezone_abbrevs']);

export function isRefusedRelation(name: string): boolean {
  return REFUSED_RELATIONS.has(name);
}

export function isAdmittedRelation(name: string): boolean {
  return ADMITTED_RELATIONS.has(name);
}

/** Types that print the names of any object or role, and their arrays: `16384::regclass` is the name of a table. */
const NAMES_OF_OBJECTS = /^_?reg(?:class|collation|namespace|oper|operator|proc|procedure|role|type)$/;

export function isRefusedType(name: string): boolean {
  return NAMES_OF_OBJECTS.test(name);
}
