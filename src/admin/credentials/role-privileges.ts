import pg from 'pg';

/** Privileges that a role lacks on some objects of one kind. */
interface MissingPrivileges {
  readonly kind: string;
  readonly privileges: string;
  readonly objects: readonly string[];
}

// All privileges granted explicitly on objects in this database. Without grant options, which an application never
// needs.
const HELD = `
  SELECT acl.grantee, 'SCHEMA' AS kind, format('%I', n.nspname) AS object, acl.privilege_type AS privilege
  FROM pg_namespace n, aclexplode(n.nspacl) acl
  UNION ALL
  SELECT acl.grantee, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
         format('%I.%I', n.nspname, c.relname), acl.privilege_type
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) acl
  UNION ALL
  SELECT acl.grantee, 'TABLE', format('%I.%I', n.nspname, c.relname), format('%s (%I)', acl.privilege_type, a.attname)
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
       aclexplode(a.attacl) acl
  WHERE NOT a.attisdropped
  UNION ALL
  SELECT acl.grantee, 'ROUTINE', p.oid::regprocedure::text, acl.privilege_type
  FROM pg_proc p, aclexplode(p.proacl) acl
  UNION ALL
  SELECT acl.grantee, 'TYPE', format('%I.%I', n.nspname, t.typname), acl.privilege_type
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace, aclexplode(t.typacl) acl`;

const MISSING = `
  WITH held AS MATERIALIZED (
    SELECT held.* FROM (${HELD}) held
    WHERE held.grantee IN (to_regrole($1)::oid, to_regrole($2)::oid)
  ), missing AS (
    SELECT kind, object, privilege FROM held WHERE grantee = to_regrole($1)::oid
    EXCEPT
    SELECT kind, object, privilege FROM held WHERE grantee = to_regrole($2)::oid
  ), by_object AS (
    SELECT kind, object, string_agg(privilege, ', ' ORDER BY privilege) AS privileges FROM missing GROUP BY kind, object
  )
  SELECT kind, privileges, array_agg(object ORDER BY object) AS objects
  FROM by_object GROUP BY kind, privileges ORDER BY kind, privileges`;

/** Objects per GRANT statement. Each is its own transaction; after an interruption the next call grants the rest. */
const CHUNK_SIZE = 500;

/**
 * Grants a role all privileges that another role has in this database and it lacks: on schemas, tables, columns,
 * sequences, routines and types.
 *
 * @param client connected as the owner of those objects
 * @returns the number of objects on which privileges were granted
 */
export async function copyPrivileges(client: pg.ClientBase, from: string, to: string): Promise<number> {
  const names = [from, to].map(pg.escapeIdentifier);
  const { rows } = await client.query<MissingPrivileges>(MISSING, names);
  let granted = 0;
  for (const { kind, privileges, objects } of rows) {
    for (let start = 0; start < objects.length; start += CHUNK_SIZE) {
      const chunk = objects.slice(start, start + CHUNK_SIZE);
      await client.query(`GRANT ${privileges} ON ${kind} ${chunk.join(', ')} TO ${names[1]}`);
      granted += chunk.length;
    }
  }
  return granted;
}
