import pg from 'pg';
import type { CopyPlace } from '../copy-place.js';
import { transaction } from '../transaction.js';

/** A column of a table with a `tenant_id`, as far as copies depend on it. */
export interface PlaceColumn {
  readonly table: string;
  readonly column: string;
  /** As PostgreSQL writes it; types of the place's own schema have no schema in front. */
  readonly type: string;
  readonly isGenerated: boolean;
  /** `GENERATED ALWAYS AS IDENTITY`: no statement may update it. */
  readonly isAlwaysIdentity: boolean;
  /** Whether values refer to something else in their database by its number: large objects, `regclass`, … */
  readonly hasObjectIds: boolean;
}

/** A foreign key that leads to a table with a `tenant_id` from one without. */
interface OutsideReference {
  /** Both quoted, with their schemas. */
  readonly child: string;
  readonly parent: string;
  /** That a row of `c` refers to a row of `t`, as SQL. */
  readonly match: string;
}

/** What a schema has that copies depend on, besides the tables that are copied. */
export interface PlaceTables {
  readonly encoding: string;
  readonly columns: readonly PlaceColumn[];
  /** Bare names. */
  readonly foreignTables: readonly string[];
  readonly tablesWithRules: readonly string[];
  readonly outsideReferences: readonly OutsideReference[];
}

// With the tables of a tenant: those with a tenant_id of type uuid, as in table-groups.
const TENANT_TABLE = `
  tenant_table AS (
    SELECT c.oid, c.relkind, c.relname, c.relnamespace
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid AND 'uuid'::regtype IN (t.oid, t.typbasetype)
    WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)
      AND c.relkind IN ('r', 'p', 'f')
  )`;

// Numbers of objects may be within arrays, domains, composite types and ranges.
const COLUMNS = `
  WITH RECURSIVE ${TENANT_TABLE}, part AS (
    SELECT a.attrelid, a.attnum, a.atttypid AS type
    FROM tenant_table t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    UNION
    SELECT p.attrelid, p.attnum, inner_type.type
    FROM part p JOIN pg_type t ON t.oid = p.type
    CROSS JOIN LATERAL (
      SELECT t.typelem AS type WHERE t.typelem <> 0
      UNION ALL SELECT t.typbasetype WHERE t.typbasetype <> 0
      UNION ALL SELECT atttypid FROM pg_attribute
                WHERE t.typtype = 'c' AND attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped
      UNION ALL SELECT rngsubtype FROM pg_range WHERE t.oid IN (rngtypid, rngmultitypid)
    ) inner_type
  )
  SELECT t.relname AS "table", a.attname AS "column", format_type(a.atttypid, a.atttypmod) AS type,
         a.attgenerated <> '' AS "isGenerated", a.attidentity = 'a' AS "isAlwaysIdentity",
         EXISTS (SELECT FROM part p WHERE p.attrelid = a.attrelid AND p.attnum = a.attnum AND p.type = ANY ($2::regtype[]))
           AS "hasObjectIds"
  FROM tenant_table t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE t.relkind <> 'f' ORDER BY 1, a.attnum`;

const OBJECT_IDS = [
  ...['oid', 'regclass', 'regcollation', 'regconfig', 'regdictionary', 'regnamespace', 'regoper', 'regoperator'],
  ...['regproc', 'regprocedure', 'regrole', 'regtype'],
];

const OTHERS = `
  WITH ${TENANT_TABLE}
  SELECT current_setting('server_encoding') AS encoding,
    ARRAY(SELECT relname::text FROM tenant_table WHERE relkind = 'f' ORDER BY 1) AS "foreignTables",
    ARRAY(SELECT DISTINCT relname::text FROM tenant_table t JOIN pg_rewrite r ON r.ev_class = t.oid ORDER BY 1)
      AS "tablesWithRules",
    (SELECT coalesce(json_agg(json_build_object(
              'child', format('%I.%I', n.nspname, c.relname), 'parent', format('%I.%I', $1::text, t.relname),
              'match', (SELECT string_agg(format('t.%I = c.%I', p.attname, f.attname), ' AND ')
                        FROM unnest(k.conkey, k.confkey) AS key (own, other)
                        JOIN pg_attribute f ON f.attrelid = k.conrelid AND f.attnum = key.own
                        JOIN pg_attribute p ON p.attrelid = k.confrelid AND p.attnum = key.other))
              ORDER BY k.oid), '[]')
     FROM tenant_table t
     JOIN pg_constraint k ON k.confrelid = t.oid AND k.contype = 'f' AND k.conparentid = 0
     JOIN pg_class c ON c.oid = k.conrelid
     JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE NOT EXISTS (SELECT FROM pg_attribute a
                       WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)) AS "outsideReferences"`;

/** Reads what copies depend on. Types are compared as texts, which depend on the search path. */
export async function placeTables({ client, schema }: CopyPlace): Promise<PlaceTables> {
  return transaction(client, 'BEGIN READ ONLY', async () => {
    await client.query(`SELECT set_config('search_path', $1, true)`, [pg.escapeIdentifier(schema)]);
    const { rows: columns } = await client.query<PlaceColumn>(COLUMNS, [schema, OBJECT_IDS]);
    const { rows } = await client.query<Omit<PlaceTables, 'columns'>>(OTHERS, [schema]);
    if (!rows[0]) throw new Error('no answer about the tables');
    return { ...rows[0], columns };
  });
}
