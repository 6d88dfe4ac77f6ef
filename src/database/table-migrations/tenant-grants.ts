import pg from 'pg';

// - Relations are found through pg_depend, which has a suitable index: pg_class has none by schema, and with thousands of
//   schemas it has hundreds of thousands of rows.
// - A view runs with its owner's rights, bypassing row-level security, unless it is a `security_invoker` view.
// - Existing privileges are not granted again: each GRANT writes to the system catalogs and makes every session replan.
// - CASE, because conditions are evaluated in no fixed order, and the functions raise errors for other kinds of relation.
const MISSING_GRANTS = `
  WITH target AS (SELECT oid FROM pg_namespace WHERE nspname = $1),
  relations AS MATERIALIZED (
    SELECT c.oid, c.relname, c.relkind,
           c.relkind IN ('r', 'p') AND c.relrowsecurity
             OR c.relkind = 'v' AND coalesce(c.reloptions, '{}') @> '{security_invoker=true}' AS is_isolated
    FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
    WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = (SELECT oid FROM target)
      AND d.classid = 'pg_class'::regclass
  )
  SELECT array(
           SELECT relname::text FROM relations
           WHERE CASE WHEN is_isolated THEN
             NOT (has_table_privilege($2, oid, 'SELECT') AND has_table_privilege($2, oid, 'INSERT')
                  AND has_table_privilege($2, oid, 'UPDATE') AND has_table_privilege($2, oid, 'DELETE')) END
         ) AS tables,
         exists(
           SELECT FROM relations
           WHERE CASE WHEN relkind = 'S' THEN NOT has_sequence_privilege($2, oid, 'USAGE') END
         ) AS sequences,
         NOT has_schema_privilege($2, oid, 'USAGE') AS schema
  FROM target`;

interface MissingGrants {
  readonly tables: readonly string[];
  readonly sequences: boolean;
  readonly schema: boolean;
}

/**
 * Grants an application's role the use of a schema's tables, but only of those with row-level security. A table that a
 * migration created without the tenant column and its policy stays inaccessible instead of being shared by accident.
 */
export async function grantTenantTables(client: pg.ClientBase, schema: string, role: string): Promise<void> {
  const { rows } = await client.query<MissingGrants>(MISSING_GRANTS, [schema, role]);
  const missing = rows[0];
  if (!missing) return;
  const to = `TO ${pg.escapeIdentifier(role)}`;
  const quotedSchema = pg.escapeIdentifier(schema);
  const tables = missing.tables.map((name) => `${quotedSchema}.${pg.escapeIdentifier(name)}`);
  const grants = [
    ...(missing.schema ? [`GRANT USAGE ON SCHEMA ${quotedSchema} ${to}`] : []),
    ...(missing.sequences ? [`GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${quotedSchema} ${to}`] : []),
    ...(tables.length > 0 ? [`GRANT SELECT, INSERT, UPDATE, DELETE ON ${tables.join(', ')} ${to}`] : []),
  ];
  if (grants.length > 0) await client.query(grants.join('; '));
}
