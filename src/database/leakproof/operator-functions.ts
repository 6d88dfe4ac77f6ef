import type pg from 'pg';
import { LOCK_NAMES } from '../../platform/postgres/advisory-locks.js';
import { OPERATOR_KINDS } from './operator-kinds.js';

/** A function behind operators of a kind, as it is in one database. */
interface OperatorFunction {
  readonly kind: string;
  /** Quoted and qualified, with the types of its arguments. */
  readonly signature: string;
  readonly leakproof: boolean;
}

/** How far a kind is marked in a database; a kind whose extension is missing there is absent. */
export type Marking = 'all' | 'some' | 'none' | 'absent';

export interface MarkOptions {
  /** False takes the mark back. */
  readonly leakproof: boolean;
  /** The login role of the database's tenants. */
  readonly role: string;
  readonly dryRun?: boolean;
}

const WANTED = JSON.stringify(
  OPERATOR_KINDS.flatMap(({ name: kind, extension = null, functions }) =>
    Object.entries(functions).map(([name, types]) => ({ kind, name, types, extension })),
  ),
);

// Only what PostgreSQL or the extension's library brought: a function that has the same name, or was added to an extension, is
// not written in C, which only a superuser may use.
const FUNCTIONS = `
  SELECT w.kind, format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)) AS signature,
         p.proleakproof AS leakproof
  FROM jsonb_to_recordset($1::jsonb) w(kind text, name text, types text, extension text)
  JOIN pg_proc p ON p.proname = w.name AND p.prokind = 'f'
  JOIN pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_language l ON l.oid = p.prolang
  WHERE CASE WHEN w.extension IS NULL
    THEN p.oid = to_regprocedure('pg_catalog.' || w.name || '(' || w.types || ')') AND l.lanname = 'internal'
    ELSE l.lanname = 'c' AND p.probin = '$libdir/' || w.extension AND EXISTS (
      SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = w.extension
      WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
        AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')
    END
  ORDER BY w.kind, signature`;

// A plan that is kept by a connection is made again when the table's entry in the catalog is written, not when a function's
// is. Each right is granted already.
const GRANTS = `
  SELECT format('GRANT SELECT ON TABLE %I.%I TO %I', n.nspname, c.relname, $1::text) AS statement
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relrowsecurity AND c.relkind IN ('r', 'p') AND EXISTS (
    SELECT FROM aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
    WHERE r.rolname = $1::text AND a.privilege_type = 'SELECT')
  ORDER BY 1`;

/** How far each kind is marked in the connected database. */
export async function readMarkings(client: pg.ClientBase): Promise<ReadonlyMap<string, Marking>> {
  const { rows } = await client.query<OperatorFunction>(FUNCTIONS, [WANTED]);
  return new Map(OPERATOR_KINDS.map(({ name }) => [name, markingOf(rows.filter(({ kind }) => kind === name))]));
}

function markingOf(functions: readonly OperatorFunction[]): Marking {
  if (functions.length === 0) return 'absent';
  const marked = functions.filter(({ leakproof }) => leakproof).length;
  if (marked === 0) return 'none';
  return marked === functions.length ? 'all' : 'some';
}

/**
 * Marks the functions of some kinds as leakproof in the connected database, or takes that back. Plans that connections of the
 * login role keep are made again. Nothing is written where it is so already.
 *
 * @param client connected as a superuser, not in a transaction; any role that may connect for a dry run
 * @returns the statements that ran, or would run
 */
export async function markOperators(
  client: pg.ClientBase,
  kinds: readonly string[],
  { leakproof, role, dryRun = false }: MarkOptions,
): Promise<readonly string[]> {
  await client.query('BEGIN');
  try {
    // No object of the database is found in place of one of pg_catalog: this runs with a superuser's rights.
    await client.query(`SET LOCAL search_path = pg_catalog, pg_temp`);
    await client.query(`SELECT pg_advisory_xact_lock(hashtext('${LOCK_NAMES.leakproof}'))`);
    const statements = await statementsFor(client, kinds, leakproof, role);
    if (!dryRun) for (const statement of statements) await client.query(statement);
    await client.query('COMMIT');
    return statements;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined); // on a lost connection, the server has rolled back
    throw error;
  }
}

async function statementsFor(
  client: pg.ClientBase,
  kinds: readonly string[],
  leakproof: boolean,
  role: string,
): Promise<string[]> {
  const { rows: functions } = await client.query<OperatorFunction>(FUNCTIONS, [WANTED]);
  const alterations = functions
    .filter((found) => kinds.includes(found.kind) && found.leakproof !== leakproof)
    .map(({ signature }) => `ALTER FUNCTION ${signature} ${leakproof ? '' : 'NOT '}LEAKPROOF`);
  if (alterations.length === 0) return [];
  const { rows: grants } = await client.query<{ statement: string }>(GRANTS, [role]);
  return [...alterations, ...grants.map(({ statement }) => statement)];
}
