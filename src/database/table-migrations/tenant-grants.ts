import pg from 'pg';

// - Found through pg_depend, which has an index for it: pg_class has none by schema, and with thousands of schemas it is
//   hundreds of thousands of rows.
// - A view runs with its owner's rights, past row-level security, unless it says `security_invoker`.
// - What the role may do already is left alone: each GRANT writes to the system catalogs and makes every session plan anew.
// - CASE, because conditions are evaluated in no certain order, and the functions refuse relations of another kind.
const MISSING_GRANTS = `
  WITH place AS (SELECT oid FROM pg_namespace WHERE nspname = $1),
  relations AS MATERIALIZED (
    SELECT c.oid, c.relname, c.relkind,
           c.relkind IN ('r', 'p') AND c.relrowsecurity
             OR c.relkind = 'v' AND coalesce(c.reloptions, '{}') @> '{security_invoker=true}' AS is_held
    FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
    WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = (SELECT oid FROM place)
      AND d.classid = 'pg_class'::regclass
  )
  SELECT array(
           SELECT relname::text FROM relations
           WHERE CASE WHEN is_held THEN
             NOT (has_table_privilege($2, oid, 'SELECT') AND has_table_privilege($2, oid, 'INSERT')
                  AND has_table_privilege($2, oid, 'UPDATE') AND has_table_privilege($2, oid, 'DELETE')) END
         ) AS tables,
         exists(
           SELECT FROM relations
           WHERE CASE WHEN relkind = 'S' THEN NOT has_sequence_privilege($2, oid, 'USAGE') END
         ) AS sequences,
         NOT has_schema_privilege($2, oid, 'USAGE') AS schema
  FROM place`;

interface MissingGrants {
  readonly tables: readonly string[];
  readonly sequences: boolean;
  readonly schema: boolean;
}

/**
 * Lets an application's role use the tables of a schema: those with row-level security, and no others. A table that a
 * migration made without the tenant column and its policy stays out of reach instead of being shared by accident.
 */
export async function grantTenantTables(client: pg.ClientBase, schema: string, role: string): Promise<void> {
  const { rows } = await client.query<MissingGrants>(MISSING_GRANTS, [schema, role]);
  const missing = rows[0];
  if (!missing) return;
  const to = `TO ${pg.escapeIdentifier(role)}`;
  const place = pg.escapeIdentifier(schema);
  const tables = missing.tables.map((name) => `${place}.${pg.escapeIdentifier(name)}`);
  const grants = [
    ...(missing.schema ? [`GRANT USAGE ON SCHEMA ${place} ${to}`] : []),
    ...(missing.sequences ? [`GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${place} ${to}`] : []),
    ...(tables.length > 0 ? [`GRANT SELECT, INSERT, UPDATE, DELETE ON ${tables.join(', ')} ${to}`] : []),
  ];
  if (grants.length > 0) await client.query(grants.join('; '));
}
