import type pg from 'pg';
import {
  ACTUAL_TABLES,
  type ActualColumn,
  type ActualTable,
  TENANT_COLUMN,
} from '../../../database/table-migrations/comparison/actual-tables.js';
import { MIGRATIONS_TABLE } from '../../../database/table-migrations/versions/recorded-migrations.js';

/** A foreign key, without the tenant. */
interface ForeignKey {
  readonly columns: readonly string[];
  readonly table: string;
  readonly references: readonly string[];
  /** Whether only the column's name says so, as in a table that cannot refer to a tenant's. */
  readonly isSupposed?: boolean;
  /** Whether it leads to a reference table, whose rows are no tenant's. */
  readonly isToReference?: boolean;
}

/** A condition on one column: `currency ~ '^[A-Z]{3}$'`. */
interface Check {
  readonly column: string;
  readonly condition: string;
}

interface Details {
  readonly table: string;
  readonly foreignKeys: readonly ForeignKey[];
  readonly checks: readonly Check[];
  /** Columns whose values PostgreSQL computes. */
  readonly computed: readonly string[];
  readonly primaryKey: readonly string[];
  readonly isUsable: boolean;
  readonly isPartitioned: boolean;
}

/** A table of a tenant's schema, as PostgreSQL has it. */
export interface TableFacts extends Pick<
  ActualTable,
  'table' | 'hasRowSecurity' | 'isReference' | 'keys' | 'indexesWithoutTenant'
> {
  /** Those that are not computed, and without `tenant_id`. */
  readonly columns: readonly ActualColumn[];
  readonly hasTenant: boolean;
  /** Without `tenant_id`. */
  readonly primaryKey: readonly string[];
  readonly foreignKeys: readonly ForeignKey[];
  readonly checks: readonly Check[];
  /** Whether the login role has any privilege on it. */
  readonly isUsable: boolean;
  /** Whether its rows are in partitions; tables that inherit from it are others. */
  readonly isPartitioned: boolean;
}

// The columns of a foreign key pair up by position. A condition that names several columns is left to the caller.
const DETAILS = `
  SELECT c.relname AS table,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'table', (SELECT relname FROM pg_class WHERE oid = f.confrelid),
        'columns', ARRAY(SELECT a.attname::text FROM unnest(f.conkey) WITH ORDINALITY k(attnum, n)
          JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum ORDER BY k.n),
        'references', ARRAY(SELECT a.attname::text FROM unnest(f.confkey) WITH ORDINALITY k(attnum, n)
          JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.attnum ORDER BY k.n))), '[]')
     FROM pg_constraint f WHERE f.conrelid = c.oid AND f.contype = 'f') AS "foreignKeys",
    (SELECT coalesce(jsonb_agg(jsonb_build_object('column', a.attname, 'condition', pg_get_expr(k.conbin, k.conrelid))), '[]')
     FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
     WHERE k.conrelid = c.oid AND k.contype = 'c' AND cardinality(k.conkey) = 1) AS checks,
    array(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attgenerated <> '') AS computed,
    array(SELECT a.attname::text FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, n)
      JOIN pg_attribute a ON a.attnum = k.attnum
      WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid ORDER BY k.n) AS "primaryKey",
    has_any_column_privilege($2::name, c.oid, 'SELECT, INSERT, UPDATE') OR has_table_privilege($2::name, c.oid, 'DELETE')
      AS "isUsable",
    c.relkind = 'p' AS "isPartitioned"
  FROM pg_class c
  WHERE c.relnamespace = to_regnamespace(quote_ident($1))::oid AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND c.relname <> '${MIGRATIONS_TABLE}'
  ORDER BY 1`;

/** The tables of a schema, those that others refer to first. */
export async function readTables(client: pg.ClientBase, schema: string, role: string): Promise<readonly TableFacts[]> {
  const { rows: details } = await client.query<Details>(DETAILS, [schema, role]);
  const names = details.map(({ table }) => table);
  const { rows: actual } = await client.query<ActualTable>(ACTUAL_TABLES, [[schema], names, role]);
  const byName = new Map(actual.map((table) => [table.table, table]));
  const tables = details.flatMap((detail) => {
    const table = byName.get(detail.table);
    return table ? [factsOf(table, detail)] : [];
  });
  const references = new Set(tables.filter(({ isReference }) => isReference).map(({ table }) => table));
  return inOrder(tables.map((table) => withMarkedKeys(withSupposedKeys(table, tables), references)));
}

function withMarkedKeys(table: TableFacts, references: ReadonlySet<string>): TableFacts {
  const foreignKeys = table.foreignKeys.map((key) => ({ ...key, isToReference: references.has(key.table) }));
  return { ...table, foreignKeys };
}

/** `memo_id` of a table without a foreign key is taken for the id of `memo` or `memos`. */
function withSupposedKeys(table: TableFacts, tables: readonly TableFacts[]): TableFacts {
  const known = new Set(table.foreignKeys.flatMap(({ columns }) => columns));
  const supposed = table.columns.flatMap(({ name, type }): ForeignKey[] => {
    const subject = /^(.+)_?id$/i.exec(name)?.[1]?.replace(/_$/, '').toLowerCase();
    const referenced = tables.find((each) =>
      [subject, `${subject}s`, `${subject}es`].includes(each.table.toLowerCase()),
    );
    const [key, ...further] = referenced?.primaryKey ?? [];
    if (!referenced || referenced === table || known.has(name) || key === undefined || further.length > 0) return [];
    const isSameType = referenced.columns.some((column) => column.name === key && column.type === type);
    return isSameType ? [{ table: referenced.table, columns: [name], references: [key], isSupposed: true }] : [];
  });
  return { ...table, foreignKeys: [...table.foreignKeys, ...supposed] };
}

function factsOf(
  { table, hasRowSecurity, isReference, keys, indexesWithoutTenant, columns }: ActualTable,
  { foreignKeys, checks, computed, primaryKey, isUsable, isPartitioned }: Details,
): TableFacts {
  return {
    ...{ table, hasRowSecurity, isReference, indexesWithoutTenant, checks, isUsable, isPartitioned },
    keys: keys.map(withoutTenant),
    columns: columns.filter(({ name }) => name !== TENANT_COLUMN && !computed.includes(name)),
    hasTenant: columns.some(({ name }) => name === TENANT_COLUMN),
    primaryKey: withoutTenant(primaryKey),
    foreignKeys: foreignKeys.map(({ table: referenced, columns: from, references }) => ({
      table: referenced,
      columns: withoutTenant(from),
      references: withoutTenant(references),
    })),
  };
}

function withoutTenant(columns: readonly string[]): string[] {
  return columns.filter((name) => name !== TENANT_COLUMN);
}

/** Tables that refer to each other in a circle come last, in the order given. */
function inOrder(tables: readonly TableFacts[]): readonly TableFacts[] {
  const ordered: TableFacts[] = [];
  let left = [...tables];
  const isReady = ({ table, foreignKeys }: TableFacts): boolean =>
    foreignKeys.every((key) => key.table === table || !left.some((other) => other.table === key.table));
  while (left.length > 0) {
    const ready = left.filter(isReady);
    if (ready.length === 0) return [...ordered, ...left];
    ordered.push(...ready);
    left = left.filter((table) => !ready.includes(table));
  }
  return ordered;
}
