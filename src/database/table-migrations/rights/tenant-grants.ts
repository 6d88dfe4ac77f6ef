import pg from 'pg';
import { isReferenceTableSql } from '../../isolation/reference-policy.js';
import { executableDefinerFunctionsSql, revokeExecution } from './definer-functions.js';

// - Relations are found through pg_depend, which has a suitable index: pg_class has none by schema, and with thousands of
//   schemas it has hundreds of thousands of rows.
// - A view runs with its owner's rights, bypassing row-level security, unless it is a `security_invoker` view.
// - Existing privileges are not granted again: each GRANT writes to the system catalogs and makes every session replan.
// - A sequence belongs to the table that owns it, or whose default calls it. That of a table which is not granted, such as
//   the record of migrations, could be used up.
// - IS NOT DISTINCT FROM is no index condition: by its index on `classid`, PostgreSQL would read the defaults of all schemas.
// - CASE, because conditions are evaluated in no fixed order, and the functions raise errors for other kinds of relation.
const MISSING_GRANTS = `
  WITH target AS (SELECT oid FROM pg_namespace WHERE nspname = $1),
  relations AS MATERIALIZED (
    SELECT c.oid, c.relname, c.relkind,
           c.relkind IN ('r', 'p') AND c.relrowsecurity
             OR c.relkind = 'v' AND coalesce(c.reloptions, '{}') @> '{security_invoker=true}' AS is_isolated,
           c.relkind IN ('r', 'p') AND c.relrowsecurity AND ${isReferenceTableSql('c.oid')} AS is_reference
    FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
    WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = (SELECT oid FROM target)
      AND d.classid = 'pg_class'::regclass
  ),
  tables_of_sequences AS MATERIALIZED (
    SELECT s.oid AS sequence, t.is_isolated AND NOT t.is_reference AS is_used
    FROM relations s
    JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.refclassid = 'pg_class'::regclass
    JOIN relations t ON t.oid = d.refobjid
    WHERE s.relkind = 'S'
    UNION ALL
    SELECT s.oid, t.is_isolated AND NOT t.is_reference
    FROM relations s
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = s.oid
      AND d.classid IS NOT DISTINCT FROM 'pg_attrdef'::regclass
    JOIN pg_attrdef a ON a.oid = d.objid
    JOIN relations t ON t.oid = a.adrelid
    WHERE s.relkind = 'S'
  )
  SELECT array(
           SELECT relname::text FROM relations
           WHERE CASE WHEN is_isolated AND NOT is_reference THEN
             NOT (has_table_privilege($2, oid, 'SELECT') AND has_table_privilege($2, oid, 'INSERT')
                  AND has_table_privilege($2, oid, 'UPDATE') AND has_table_privilege($2, oid, 'DELETE')) END
         ) AS tables,
         array(
           SELECT relname::text FROM relations
           WHERE CASE WHEN is_reference THEN NOT has_table_privilege($2, oid, 'SELECT') END
         ) AS "referenceTables",
         array(
           SELECT relname::text FROM relations
           WHERE CASE WHEN is_reference THEN
             has_table_privilege($2, oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
             OR has_any_column_privilege($2, oid, 'INSERT, UPDATE, REFERENCES') END
         ) AS "writableReferenceTables",
         array(
           SELECT relname::text FROM relations s
           WHERE CASE WHEN relkind = 'S' THEN NOT has_sequence_privilege($2, oid, 'USAGE') AND EXISTS (
             SELECT FROM tables_of_sequences t WHERE t.sequence = s.oid AND t.is_used) END
         ) AS sequences,
         array(
           SELECT relname::text FROM relations s
           WHERE CASE WHEN relkind = 'S' THEN has_sequence_privilege($2, oid, 'USAGE, SELECT, UPDATE') AND EXISTS (
             SELECT FROM tables_of_sequences t WHERE t.sequence = s.oid HAVING NOT bool_or(t.is_used)) END
         ) AS "foreignSequences",
         ${executableDefinerFunctionsSql('target.oid', '$2', '$3::text[]')} AS functions,
         NOT has_schema_privilege($2, oid, 'USAGE') AS schema
  FROM target`;

interface MissingGrants {
  readonly tables: readonly string[];
  readonly referenceTables: readonly string[];
  /** Reference tables on which the role has more than SELECT. */
  readonly writableReferenceTables: readonly string[];
  readonly sequences: readonly string[];
  /** Sequences of tables that are not granted, of which the role has the use. */
  readonly foreignSequences: readonly string[];
  /** SECURITY DEFINER functions that the role may execute and that are not trusted. */
  readonly functions: readonly string[];
  readonly schema: boolean;
}

/**
 * Grants an application's role the use of a schema's tables, but only of those with row-level security. A table that a
 * migration created without the tenant column and its policy stays inaccessible instead of being shared by accident. Of a
 * reference table it may read the rows, and no more.
 * What it must not use is revoked: the sequences of other tables, and functions that run with their owner's rights.
 */
export async function grantTenantTables(
  client: pg.ClientBase,
  schema: string,
  role: string,
  trustedFunctions: readonly string[] = [],
): Promise<void> {
  const { rows } = await client.query<MissingGrants>(MISSING_GRANTS, [schema, role, trustedFunctions]);
  const missing = rows[0];
  if (!missing) return;
  const quotedRole = pg.escapeIdentifier(role);
  const to = `TO ${quotedRole}`;
  const quotedSchema = pg.escapeIdentifier(schema);
  const listOf = (names: readonly string[]): string =>
    names.map((name) => `${quotedSchema}.${pg.escapeIdentifier(name)}`).join(', ');
  const { tables, referenceTables, writableReferenceTables, sequences, foreignSequences, functions } = missing;
  const readTables = [...new Set([...referenceTables, ...writableReferenceTables])];
  const grants = [
    ...(missing.schema ? [`GRANT USAGE ON SCHEMA ${quotedSchema} ${to}`] : []),
    ...(sequences.length > 0 ? [`GRANT USAGE ON SEQUENCE ${listOf(sequences)} ${to}`] : []),
    ...(foreignSequences.length > 0 ? [`REVOKE ALL ON SEQUENCE ${listOf(foreignSequences)} FROM ${quotedRole}`] : []),
    ...(functions.length > 0 ? [revokeExecution(functions, `PUBLIC, ${quotedRole}`)] : []),
    ...(tables.length > 0 ? [`GRANT SELECT, INSERT, UPDATE, DELETE ON ${listOf(tables)} ${to}`] : []),
    ...(writableReferenceTables.length > 0
      ? [`REVOKE ALL ON ${listOf(writableReferenceTables)} FROM PUBLIC, ${quotedRole}`]
      : []),
    ...(readTables.length > 0 ? [`GRANT SELECT ON ${listOf(readTables)} ${to}`] : []),
  ];
  if (grants.length > 0) await client.query(grants.join('; '));
}
