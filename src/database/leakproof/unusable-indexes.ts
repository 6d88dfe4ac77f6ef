import type pg from 'pg';
import { OPERATOR_KINDS, type OperatorKind } from './operator-kinds.js';

/** An index of a tenant table that conditions do not use beyond `tenant_id`, because of the table's policies. */
export interface UnusableIndex {
  readonly table: string;
  readonly index: string;
  /** The columns or expressions whose conditions do not use it. */
  readonly columns: readonly string[];
  /** The kinds of operators that would have to be marked for it; none where no kind helps. */
  readonly kinds: readonly string[];
  /** The schemas in which it is so. */
  readonly schemas: readonly string[];
}

interface UnusableRow extends Omit<UnusableIndex, 'kinds'> {
  /** Functions behind its operators that are not leakproof, with the types of their arguments. */
  readonly operators: readonly string[];
  /** Functions in its expressions that are not leakproof. */
  readonly functions: readonly string[];
}

const signature = (alias: string): string => `${alias}.proname || '(' || oidvectortypes(${alias}.proargtypes) || ')'`;

// A condition is an index condition under a policy only if its operator, and each function on the column's side, is
// leakproof; that of a reference table, which is true of every row, is no condition. A B-tree needs its first column behind `tenant_id`; the other methods use any of their columns. GIN and GiST are
// not made for `=`, which some of their operator classes have besides.
const UNUSABLE = `
  WITH tables AS (
    SELECT n.nspname AS schema, c.oid, c.relname FROM pg_namespace n
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'p') AND c.relrowsecurity
      AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND pg_get_expr(p.polqual, c.oid) = 'true')
    WHERE n.nspname = ANY ($1::text[])
  ), columns AS (
    SELECT t.schema, t.relname, i.indexrelid, x.relname AS index, k.n, am.amname IN ('gin', 'gist') AS ignores_equality,
           am.amname IN ('btree', 'hash') AS is_ordered, a.attname IS NULL AS is_expression, i.indexprs::text AS expressions,
           opc.opcfamily, opc.opcintype
    FROM tables t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class x ON x.oid = i.indexrelid
    JOIN pg_am am ON am.oid = x.relam CROSS JOIN LATERAL generate_series(1, i.indnkeyatts) k(n)
    JOIN pg_opclass opc ON opc.oid = i.indclass[k.n - 1]
    LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[k.n - 1]
    WHERE a.attname IS DISTINCT FROM 'tenant_id'
  ), families AS (
    SELECT f.opcfamily, f.opcintype, bool_or(p.proleakproof) AS is_usable,
           array_agg(DISTINCT ${signature('p')}) FILTER (WHERE NOT p.proleakproof) AS operators
    FROM (SELECT DISTINCT opcfamily, opcintype, ignores_equality FROM columns) f
    JOIN pg_amop o ON o.amopfamily = f.opcfamily AND o.amoplefttype = f.opcintype AND o.amoppurpose = 's'
    JOIN pg_operator op ON op.oid = o.amopopr AND NOT (f.ignores_equality AND op.oprname = '=')
    JOIN pg_proc p ON p.oid = op.oprcode
    GROUP BY 1, 2
  ), expressions AS (
    SELECT e.expressions, array_remove(array_agg(DISTINCT ${signature('p')}), NULL)
             || CASE WHEN e.expressions LIKE '%{COERCEVIAIO %' THEN ARRAY['a cast'] ELSE '{}' END AS functions
    FROM (SELECT DISTINCT expressions FROM columns WHERE is_expression) e
    LEFT JOIN LATERAL regexp_matches(e.expressions, ':(?:op)?funcid (\\d+)', 'g') m ON true
    LEFT JOIN pg_proc p ON p.oid = m[1]::oid AND NOT p.proleakproof
    GROUP BY 1
  ), judged AS (
    SELECT c.*, f.operators, coalesce(e.functions, '{}') AS functions, f.is_usable AS has_usable_operator,
           coalesce(f.is_usable, false) AND cardinality(coalesce(e.functions, '{}')) = 0 AS is_usable,
           row_number() OVER (PARTITION BY c.indexrelid ORDER BY c.n) = 1 AS is_first
    FROM columns c LEFT JOIN families f USING (opcfamily, opcintype)
    LEFT JOIN expressions e ON c.is_expression AND e.expressions = c.expressions
  ), unusable AS (
    SELECT schema, relname AS "table", index,
           array_agg(pg_get_indexdef(indexrelid, n, false) ORDER BY n) FILTER (WHERE NOT is_usable) AS columns,
           jsonb_agg(DISTINCT operators) FILTER (WHERE NOT is_usable AND has_usable_operator IS NOT true) AS operators,
           jsonb_agg(DISTINCT functions) FILTER (WHERE NOT is_usable) AS functions
    FROM judged GROUP BY schema, relname, index, indexrelid
    HAVING CASE WHEN bool_and(is_ordered) THEN NOT bool_or(is_usable AND is_first) ELSE NOT bool_or(is_usable) END
  )
  SELECT "table", index, columns, array_agg(schema::text ORDER BY schema) AS schemas,
         jsonb_path_query_array(coalesce(operators, '[]'), '$[*][*]') AS operators,
         jsonb_path_query_array(coalesce(functions, '[]'), '$[*][*]') AS functions
  FROM unusable GROUP BY 1, 2, 3, 5, 6 ORDER BY 1, 2`;

/**
 * The indexes of tenant tables whose conditions are no index conditions under the policies, because PostgreSQL evaluates
 * operators that are not leakproof only behind a policy. Ordering, uniqueness and statements of the owner use them.
 */
export async function unusableIndexes(
  client: pg.ClientBase,
  schemas: readonly string[],
): Promise<readonly UnusableIndex[]> {
  const { rows } = await client.query<UnusableRow>(UNUSABLE, [schemas]);
  return rows.map(({ operators, functions, ...index }) => ({ ...index, kinds: kindsFor(operators, functions) }));
}

/** One kind is enough for the operators of a column; a function in an expression must be leakproof itself. */
function kindsFor(operators: readonly string[], functions: readonly string[]): string[] {
  const ofOperators = new Set(operators.flatMap(kindOf));
  const ofFunctions = functions.map(kindOf);
  const isBeyondHelp =
    (operators.length > 0 && ofOperators.size === 0) || ofFunctions.some((kinds) => kinds.length === 0);
  return isBeyondHelp ? [] : [...new Set([...ofOperators, ...ofFunctions.flat()])];
}

function kindOf(signature: string): string[] {
  const [name = ''] = signature.split('(');
  const isOf = ({ functions, extension }: OperatorKind): boolean =>
    functions[name] !== undefined && (extension !== undefined || signature === `${name}(${functions[name]})`);
  return OPERATOR_KINDS.filter(isOf).map((kind) => kind.name);
}

/** What is so, and what mends it, for logs and for readers of a migration. One line, whatever the names contain. */
export function describeUnusableIndex({ table, index, columns, kinds }: UnusableIndex): string {
  const marking = kinds.length > 0 ? `, or mark operators of ${kinds.join(', ')}` : '';
  const subject = `Index ${index} of ${table}: conditions on ${columns.join(', ')} do not use it under row-level security.`;
  return `${subject} Have ${alternativesTo(kinds)}${marking}: docs/guides/indexes.md`.replaceAll(/[\s\p{Cc}]+/gu, ' ');
}

/** What to have instead of columns whose operators are of these kinds. */
export function alternativesTo(kinds: readonly string[]): string {
  if (kinds.length === 0) return 'a column of another type';
  return OPERATOR_KINDS.filter(({ name }) => kinds.includes(name))
    .map(({ alternative }) => alternative)
    .join(', or ');
}
