import { isReferenceTableSql } from '../../isolation/reference-policy.js';

export const TENANT_COLUMN = 'tenant_id';

/** The comment of a unique index without the tenant that an existing application needs until its adoption is finished. */
export const KEPT_INDEX = 'kept until tenantry adopt finish';

/** A column as PostgreSQL has it. */
export interface ActualColumn {
  readonly name: string;
  /** Without length, and of a domain the type under it: `character varying`. */
  readonly type: string;
  readonly isEnum: boolean;
  readonly isArray: boolean;
  readonly length: number | null;
  readonly labels: readonly string[];
  readonly isNotNull: boolean;
  readonly hasDefault: boolean;
}

/** A table or view of one schema. */
export interface ActualTable {
  readonly schema: string;
  readonly table: string;
  readonly hasRowSecurity: boolean;
  readonly policies: readonly string[];
  /** Whether it is as `createReferenceTable` makes it. */
  readonly isReference: boolean;
  /** Whether the login role may use it; true when none was named, or there is none of that name. */
  readonly isGranted: boolean;
  readonly columns: readonly ActualColumn[];
  /** Of the primary key and of each unique key without a condition. */
  readonly keys: readonly (readonly string[])[];
  /**
   * Names of the indexes that enforce a primary key, a unique key or an exclusion without `tenant_id`, conditional ones too. Those
   * that an adoption keeps for the existing application until it is finished are left out.
   */
  readonly indexesWithoutTenant: readonly string[];
}

/**
 * $1: schemas, $2: names of tables, $3: a login role, or null. Reads the system catalogs, whose indices lead to a table by its
 * name; `information_schema` would read those of all schemas.
 */
export const ACTUAL_TABLES = `
  SELECT s.name AS schema, c.relname AS table, c.relrowsecurity AS "hasRowSecurity",
    array(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,
    ${isReferenceTableSql('c.oid')} AS "isReference",
    CASE WHEN to_regrole(quote_ident($3::text)) IS NULL THEN true ELSE (has_table_privilege($3::text::name, c.oid, 'SELECT') AND (c.relkind = 'v' OR ${isReferenceTableSql('c.oid')} OR (
      has_table_privilege($3::text::name, c.oid, 'INSERT') AND has_table_privilege($3::text::name, c.oid, 'UPDATE')
      AND has_table_privilege($3::text::name, c.oid, 'DELETE')))) END AS "isGranted",
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', a.attname, 'isArray', e.oid IS NOT NULL, 'isEnum', v.typtype = 'e', 'type', format_type(v.oid, NULL),
        'length', CASE WHEN a.atttypmod > 4 AND v.oid IN ('varchar'::regtype, 'bpchar'::regtype) THEN a.atttypmod - 4 END,
        'labels', ARRAY(SELECT l.enumlabel::text FROM pg_enum l WHERE l.enumtypid = v.oid),
        'isNotNull', a.attnotnull, 'hasDefault', a.atthasdef OR a.attidentity <> '')), '[]')
     FROM pg_attribute a
     JOIN pg_type t ON t.oid = a.atttypid
     JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
     LEFT JOIN pg_type e ON e.oid = b.typelem AND b.typcategory = 'A'
     JOIN pg_type v ON v.oid = coalesce(e.oid, b.oid)
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
    (SELECT coalesce(jsonb_agg(ARRAY(
        SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, n)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum WHERE k.n <= i.indnkeyatts)), '[]')
     FROM pg_index i
     WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL) AS keys,
    array(SELECT x.relname::text FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
     WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion) AND NOT EXISTS (
       SELECT FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, n)
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
       WHERE a.attname = '${TENANT_COLUMN}' AND k.n <= i.indnkeyatts)
       AND obj_description(x.oid, 'pg_class') IS DISTINCT FROM '${KEPT_INDEX}'
     ORDER BY 1) AS "indexesWithoutTenant"
  FROM unnest($1::text[]) s(name)
  JOIN pg_class c ON c.relnamespace = to_regnamespace(quote_ident(s.name))::oid AND c.relname = ANY ($2::text[])
    AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`;
