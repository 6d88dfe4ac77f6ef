import type pg from 'pg';
import { type Check, type CatalogContext, loginOf, type TargetOfServer } from '../diagnosis/check.js';
import { type Finding, ok, warn } from '../diagnosis/finding.js';
import { queryServer } from '../diagnosis/query-server.js';
import { mapConcurrently } from '../../platform/map-concurrently.js';
import { DEFAULT_SERVER } from '../../catalog/catalog-target.js';
import { targetOfUrl } from '../../database/connection/connection-target.js';
import { isReachable, nameOfTarget } from './login-roles.js';

const NAME = 'exposure';
const MAX_REPORTED = 5;

interface Exposure {
  /** Databases other than its own to which the role may connect. */
  readonly databases: readonly string[];
  readonly unlimited_temp_files: boolean;
  /** Settings by which the server logs the values of parameters, with a stamp's proof among them. */
  readonly logged_by: readonly string[];
  readonly reads_statements: boolean;
  /** Functions of triggers on tenant tables that run with their owner's rights. */
  readonly trigger_functions: readonly string[];
}

// As the role sees it: each of these settings may be set for one role or one database. A setting of a module that is not
// loaded is null. Stamps are SELECT statements: those logged by `mod` and `ddl` are others. auto_explain and pgaudit log
// parameters in full unless told otherwise, PostgreSQL itself where it logs the statement.
const EXPOSURE = `
  WITH settings AS (
    SELECT current_setting('log_statement') = 'all' OR current_setting('log_min_duration_statement') <> '-1'
             OR current_setting('log_min_duration_sample') <> '-1'
             OR current_setting('log_transaction_sample_rate')::float8 > 0 AS logs_statements,
           current_setting('is_superuser') = 'on' AS superuser -- reported by the check of login roles
  )
  SELECT array(SELECT datname::text FROM pg_database
               WHERE datname = ANY ($1::text[]) AND datname <> current_database() AND datallowconn
                 AND has_database_privilege(datname, 'CONNECT') AND NOT superuser ORDER BY 1) AS databases,
         current_setting('temp_file_limit') = '-1' AS unlimited_temp_files,
         array_remove(ARRAY[
           CASE WHEN logs_statements AND current_setting('log_parameter_max_length') <> '0'
             THEN 'log_parameter_max_length' END,
           CASE WHEN current_setting('log_parameter_max_length_on_error') <> '0'
             THEN 'log_parameter_max_length_on_error' END,
           CASE WHEN coalesce(current_setting('auto_explain.log_min_duration', true), '-1') <> '-1'
                 AND coalesce(current_setting('auto_explain.log_parameter_max_length', true), '-1') <> '0'
             THEN 'auto_explain.log_parameter_max_length' END,
           CASE WHEN current_setting('pgaudit.log_parameter', true) = 'on' THEN 'pgaudit.log_parameter' END
         ], NULL) AS logged_by,
         EXISTS (SELECT FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                 WHERE p.proname = 'pg_stat_statements' AND has_schema_privilege(n.oid, 'USAGE')
                   AND has_function_privilege(p.oid, 'EXECUTE')) AS reads_statements,
         array(SELECT DISTINCT p.oid::regprocedure::text
               FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
               WHERE c.relrowsecurity AND p.prosecdef AND NOT t.tgisinternal ORDER BY 1) AS trigger_functions
  FROM settings`;

/**
 * Checks what a login role reaches beyond the rows of its tenants, and who else sees the stamps: none of it breaks the
 * isolation of rows, and none of it is Tenantry's to change.
 */
export const exposure: Check<CatalogContext> = {
  name: NAME,
  run: async (context) => {
    const reachable = context.targets.filter(({ serverId }) => isReachable(context, serverId));
    const findings = (await mapConcurrently(reachable, (target) => checkTarget(target, context))).flat();
    if (findings.length > 0) return merged(findings);
    return [ok(NAME, `no login role reaches another database, and no stamp is logged (checked: ${reachable.length})`)];
  },
};

async function checkTarget(target: TargetOfServer, context: CatalogContext): Promise<Finding[]> {
  try {
    const seen = await queryServer(loginOf(target, context), context.options, (client) =>
      readExposure(client, otherDatabases(target, context)),
    );
    return seen ? findingsOf(seen, target) : [];
  } catch {
    return []; // that it cannot log in is reported by the check of login roles
  }
}

async function readExposure(client: pg.Client, databases: readonly string[]): Promise<Exposure | undefined> {
  return (await client.query<Exposure>(EXPOSURE, [databases])).rows[0];
}

/** Databases of the target's server in which its login role has no business. */
function otherDatabases(target: TargetOfServer, { access, targets }: CatalogContext): string[] {
  const { url, directUrl } = access.config.database;
  const catalog = target.server.host === null ? [targetOfUrl(directUrl ?? url ?? '', DEFAULT_SERVER).database] : [];
  const tenants = targets.filter(({ serverId }) => serverId === target.serverId).map(({ database }) => database);
  return ['postgres', 'template1', ...catalog, ...tenants].filter((database) => database !== target.database);
}

function findingsOf(seen: Exposure, target: TargetOfServer): Finding[] {
  const name = nameOfTarget(target);
  const shown = seen.databases.slice(0, MAX_REPORTED).join(', ');
  const all: readonly (false | Finding)[] = [
    shown !== '' && warn(NAME, `may connect to ${shown}`, 'REVOKE CONNECT ON DATABASE … FROM PUBLIC', name),
    seen.unlimited_temp_files &&
      warn(
        NAME,
        'may fill the disk: temp_file_limit is -1',
        'set temp_file_limit on the server, or for the role',
        name,
      ),
    seen.logged_by.length > 0 &&
      warn(
        NAME,
        `the server logs the proofs of stamps: ${seen.logged_by.join(', ')}`,
        'set it to 0 (pgaudit.log_parameter: off)',
        name,
      ),
    seen.reads_statements &&
      warn(NAME, 'may read pg_stat_statements', 'REVOKE EXECUTE on its functions FROM PUBLIC', name),
    seen.trigger_functions.length > 0 &&
      warn(
        NAME,
        `triggers bypass the policies: ${seen.trigger_functions.slice(0, MAX_REPORTED).join(', ')}`,
        'make sure that they work for the stamped tenant only, or make them SECURITY INVOKER',
        name,
      ),
  ];
  return all.filter((finding) => finding !== false);
}

/** One finding per message, with the first role as its subject: what is set for the server is the same for all of them. */
function merged(findings: readonly Finding[]): Finding[] {
  const counts = new Map<string, number>();
  for (const { message } of findings) counts.set(message, (counts.get(message) ?? 0) + 1);
  const firsts = findings.filter(({ message }, index) => findings.findIndex((f) => f.message === message) === index);
  return firsts.map((first) => {
    const others = (counts.get(first.message) ?? 1) - 1;
    return others === 0 ? first : { ...first, subject: `${first.subject} and ${others} more` };
  });
}
