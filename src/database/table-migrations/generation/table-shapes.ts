import type pg from 'pg';
import type { DescribedTable } from './described-tables.js';

interface ShapeColumn {
  readonly name: string;
  /** With length: `character varying(20)`. */
  readonly type: string;
  /** `typcategory` is text, or the type is an enum. */
  readonly isText: boolean;
  readonly isEnum: boolean;
  readonly labels: readonly string[];
  readonly isNotNull: boolean;
  /** The expression of the default or of the generated value, as PostgreSQL prints it. */
  readonly default: string | null;
  readonly isIdentity: boolean;
  readonly isGenerated: boolean;
}

interface ShapeConstraint {
  readonly name: string;
  readonly kind: 'p' | 'u' | 'f' | 'c';
  readonly columns: readonly string[];
  /** As PostgreSQL prints it: two constraints that do the same have the same definition. */
  readonly definition: string;
}

/** A table as PostgreSQL has it, printed so that two tables can be compared. */
export interface TableShape {
  readonly name: string;
  readonly columns: readonly ShapeColumn[];
  readonly constraints: readonly ShapeConstraint[];
  /** Definitions without the index's name, those of constraints too. */
  readonly indexes: readonly string[];
}

/** A table as it is described, as that would be made, and as it is. */
export interface ComparedTable {
  readonly described: DescribedTable;
  readonly wanted: TableShape;
  readonly actual: TableShape;
}

const SHAPES = `
  SELECT c.relname AS name,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'isText', t.typcategory = 'S' OR t.typtype = 'e',
        'isEnum', t.typtype = 'e', 'labels', ARRAY(SELECT l.enumlabel::text FROM pg_enum l WHERE l.enumtypid = t.oid),
        'isNotNull', a.attnotnull, 'default', pg_get_expr(d.adbin, d.adrelid),
        'isIdentity', a.attidentity <> '', 'isGenerated', a.attgenerated <> '') ORDER BY a.attnum), '[]')
     FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', o.conname, 'kind', o.contype, 'definition', pg_get_constraintdef(o.oid),
        'columns', ARRAY(SELECT a.attname::text FROM unnest(o.conkey) WITH ORDINALITY k(attnum, n)
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum ORDER BY k.n)) ORDER BY o.conname), '[]')
     FROM pg_constraint o WHERE o.conrelid = c.oid AND o.contype IN ('p', 'u', 'f', 'c')) AS constraints,
    ARRAY(SELECT regexp_replace(pg_get_indexdef(i.indexrelid), '^(CREATE (?:UNIQUE )?INDEX) .*? ON (?:ONLY )?\\S+ ', '\\1 ')
      FROM pg_index i WHERE i.indrelid = c.oid AND i.indisvalid) AS indexes
  FROM pg_class c
  WHERE c.relnamespace = to_regnamespace(quote_ident($1))::oid AND c.relkind IN ('r', 'p')`;

/** The tables of a schema, by name. Definitions leave that schema's name out. */
export async function readTableShapes(client: pg.ClientBase, schema: string): Promise<ReadonlyMap<string, TableShape>> {
  await client.query(`SELECT set_config('search_path', quote_ident($1), false)`, [schema]);
  const { rows } = await client.query<TableShape>(SHAPES, [schema]);
  return new Map(rows.map((row) => [row.name, row]));
}

/** Names of the views of a schema. */
export async function readViews(client: pg.ClientBase, schema: string): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class
     WHERE relnamespace = to_regnamespace(quote_ident($1))::oid AND relkind IN ('v', 'm')`,
    [schema],
  );
  return new Set(rows.map(({ name }) => name));
}
