import type pg from 'pg';

/** A foreign key that leads to a tenant table from a tenant table. */
export interface TableReference {
  /** The id of the table that has it. */
  readonly child: string;
  /** What has it: the table or one of its partitions. Quoted, with its schema. */
  readonly relation: string;
  readonly columns: readonly string[];
  /** The referenced columns. */
  readonly parentColumns: readonly string[];
  /** The operators that compare a referenced column, on their left, with a column, as SQL. */
  readonly operators: readonly string[];
  /** As in `pg_constraint.confdeltype`: a no action, r restrict, c cascade, n set null, d set default. */
  readonly onDelete: 'a' | 'r' | 'c' | 'n' | 'd';
}

/** A tenant table and the tables that reference it. */
export interface TenantTable {
  readonly id: string;
  /** Without its schema, not quoted. */
  readonly name: string;
  /** Quoted, with its schema, in the form for a FROM clause that covers the table and any partitions. */
  readonly source: string;
  /** The tables that store its rows: itself, or its partitions. Quoted, with their schema. */
  readonly parts: readonly string[];
  readonly references: readonly TableReference[];
}

/** Tables that are filled or emptied together: a single table, or all tables of a foreign-key cycle. */
export interface TableGroup {
  readonly tables: readonly TenantTable[];
  readonly isCycle: boolean;
}

// Plain tables get ONLY: tables that inherit from them are listed separately and have their own foreign keys.
// Foreign keys are looked up by the referencing side, which is indexed: a database may have 10,000 other schemas.
const TENANT_TABLES = `
  WITH tenant_table AS (
    SELECT c.oid, c.relkind, c.relname, format('%I.%I', $1::text, c.relname) AS name
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid AND 'uuid'::regtype IN (t.oid, t.typbasetype)
    WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)
      AND c.relkind IN ('r', 'p')
      AND NOT EXISTS (SELECT FROM pg_class root
                      WHERE c.relispartition AND root.oid = pg_partition_root(c.oid)
                        AND root.relnamespace = c.relnamespace)
  ), member AS (
    SELECT oid AS owner, oid AS relation, relkind = 'r' AS has_rows FROM tenant_table
    UNION
    SELECT oid, part.relid, part.isleaf FROM tenant_table, pg_partition_tree(oid) part WHERE relkind = 'p'
  ), reference AS (
    SELECT parent.owner AS parent, child.owner AS child, format('%I.%I', n.nspname, c.relname) AS relation, k.*
    FROM member child
    JOIN pg_constraint k ON k.conrelid = child.relation AND k.contype = 'f' AND k.conparentid = 0
    JOIN member parent ON parent.relation = k.confrelid
    JOIN pg_class c ON c.oid = k.conrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
  )
  SELECT oid::text AS id, relname AS name,
         CASE relkind WHEN 'r' THEN 'ONLY ' || name ELSE name END AS source,
         ARRAY(SELECT format('%I.%I', n.nspname, c.relname)
               FROM member m JOIN pg_class c ON c.oid = m.relation JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE m.owner = t.oid AND m.has_rows ORDER BY c.oid) AS parts,
         ARRAY(SELECT json_build_object('child', child::text, 'relation', relation, 'onDelete', confdeltype,
                 'columns', ARRAY(SELECT attname FROM unnest(conkey) WITH ORDINALITY AS key (attnum, n)
                                  JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = key.attnum ORDER BY n),
                 'parentColumns', ARRAY(SELECT attname FROM unnest(confkey) WITH ORDINALITY AS key (attnum, n)
                                  JOIN pg_attribute a ON a.attrelid = confrelid AND a.attnum = key.attnum ORDER BY n),
                 'operators', ARRAY(SELECT format('OPERATOR(%I.%s)', nspname, oprname)
                                  FROM unnest(conpfeqop) WITH ORDINALITY AS key (operator, n)
                                  JOIN pg_operator o ON o.oid = operator
                                  JOIN pg_namespace s ON s.oid = oprnamespace ORDER BY key.n))
               FROM reference WHERE parent = t.oid ORDER BY reference.oid) AS "references"
  FROM tenant_table t
  ORDER BY oid`;

/** The tables in a schema that have a `tenant_id`, referencing tables before referenced ones. */
export async function tableGroups(client: pg.ClientBase, schema: string): Promise<TableGroup[]> {
  const { rows } = await client.query<TenantTable>(TENANT_TABLES, [schema]);
  return childrenFirst(rows);
}

/** Tarjan's strongly connected components (SIAM J. Comput. 1 (1972), 146): each comes after all that it can reach. */
function childrenFirst(tables: readonly TenantTable[]): TableGroup[] {
  const byId = new Map(tables.map((table) => [table.id, table]));
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const path: TenantTable[] = [];
  const groups: TableGroup[] = [];

  const visit = (table: TenantTable): number => {
    const index = order.size;
    order.set(table.id, index);
    lowest.set(table.id, index);
    path.push(table);
    const children = new Set(table.references.map((reference) => reference.child));
    for (const child of [...children].map((id) => byId.get(id)).filter((found) => found !== undefined)) {
      const reached = order.has(child.id) ? lowest.get(child.id) : visit(child);
      if (path.includes(child)) lowest.set(table.id, Math.min(lowest.get(table.id) ?? 0, reached ?? 0));
    }
    if (lowest.get(table.id) === index) groups.push(toGroup(path.splice(path.indexOf(table))));
    return lowest.get(table.id) ?? index;
  };

  for (const table of tables) if (!order.has(table.id)) visit(table);
  return groups;
}

function toGroup(tables: readonly TenantTable[]): TableGroup {
  const isCycle =
    tables.length > 1 || tables.some(({ id, references }) => references.some(({ child }) => child === id));
  return { tables, isCycle };
}
