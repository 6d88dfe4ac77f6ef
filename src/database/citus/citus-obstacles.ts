import pg from 'pg';

/** Runs a statement and returns its rows. */
type Query = <Row extends pg.QueryResultRow>(text: string) => Promise<Row[]>;

/** Further ones usually have the same cause. */
const MAX_REASONS = 5;

const QUALIFIED = `format('%I.%I', n.nspname, c.relname)`;

// Citus describes its tables in `pg_dist_partition`, by the name of the method: `h`, `a` and `r` distribute rows by a column; `n` is a
// reference table, one of a distributed schema, or one that only the coordinator has.
const tablesNotServed = (role: string): string => `
  SELECT 'may use the table ' || ${QUALIFIED} || ', whose rows Citus distributes by a column: only tables of distributed schemas are served' AS reason
  FROM pg_dist_partition d JOIN pg_class c ON c.oid = d.logicalrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE d.partmethod::text <> 'n'
    AND (has_any_column_privilege(${role}, c.oid, 'SELECT, INSERT, UPDATE')
         OR has_table_privilege(${role}, c.oid, 'DELETE'))
  UNION ALL
  SELECT 'is shown rows of other tenants by the policy ' || quote_ident(p.polname) || ' on ' || ${QUALIFIED}
         || ': Citus makes a RESTRICTIVE policy a permissive one on its shards'
  FROM pg_policy p JOIN pg_dist_partition d ON d.logicalrelid = p.polrelid
  JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT p.polpermissive
  ORDER BY 1 LIMIT ${MAX_REASONS}`;

const DISTRIBUTES = `SELECT to_regclass('pg_dist_partition') IS NOT NULL AS distributes`;

// The texts of all sessions of one role are visible to each of them, here and on the workers.
const TEXTS = `
  SELECT CASE
    WHEN current_setting('track_activities') <> 'off' THEN 'track_activities is not off'
    WHEN current_setting('pg_stat_statements.track_utility', true) = 'on'
      AND EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_stat_statements') THEN 'pg_stat_statements.track_utility is on'
    ELSE 'hidden' END AS texts`;

const HAS_WORKERS = `SELECT to_regprocedure('run_command_on_workers(text, boolean)') IS NOT NULL AS has_workers`;
const TEXTS_ON_WORKERS = `
  SELECT format('%s on %s:%s', split_part(result, E'\\n', 1), nodename, nodeport) AS visible
  FROM run_command_on_workers($command$${TEXTS}$command$)
  WHERE NOT success OR result IS DISTINCT FROM 'hidden' ORDER BY 1 LIMIT 1`;

/**
 * Why a login role must not be used in a database with Citus; undefined when it may. Continues "its login role …".
 *
 * @param isShared whether several tenants have the role
 * @param query runs a statement as the role
 */
export async function citusObstacle(isShared: boolean, query: Query): Promise<string | undefined> {
  const reasons = await reasonsNotServed('session_user', query);
  if (reasons.length > 0) return reasons.join('; ');
  return isShared ? visibleTexts(query) : undefined;
}

/**
 * Why tables that Citus distributes cannot be served to a login role. Each continues "its login role …".
 *
 * @param role for any other than the connected one
 */
export function tablesNotServedTo(client: pg.ClientBase, role: string): Promise<string[]> {
  return reasonsNotServed(pg.escapeLiteral(role), async <Row extends pg.QueryResultRow>(text: string) => {
    const { rows } = await client.query<Row>(text);
    return rows;
  });
}

/** @param role SQL of its name */
async function reasonsNotServed(role: string, query: Query): Promise<string[]> {
  const [catalog] = await query<{ distributes: boolean }>(DISTRIBUTES);
  if (!catalog?.distributes) return [];
  return (await query<{ reason: string }>(tablesNotServed(role))).map(({ reason }) => reason);
}

async function visibleTexts(query: Query): Promise<string | undefined> {
  const means = 'is shared by tenants, and each could read the proofs of the others in texts of statements';
  const [here] = await query<{ texts: string }>(TEXTS);
  if (here?.texts !== 'hidden') return `${means}: ${here?.texts}`;
  const [cluster] = await query<{ has_workers: boolean }>(HAS_WORKERS);
  const [worker] = cluster?.has_workers ? await query<{ visible: string }>(TEXTS_ON_WORKERS) : [];
  return worker && `${means}: ${worker.visible}`;
}
