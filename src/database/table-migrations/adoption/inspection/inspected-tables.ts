import type pg from 'pg';

export interface InspectedColumn {
  readonly name: string;
  /** As `format_type` prints it, with length; unqualified for types of the schema itself. */
  readonly type: string;
  /** `e` for an enum, `d` for a domain, `b` for a base type. */
  readonly kind: string;
  /** Of an enum of the schema itself. */
  readonly labels: readonly string[];
  readonly isNotNull: boolean;
  readonly default: string | null;
  /** Whether the default calls a sequence that the column owns. */
  readonly isSerial: boolean;
  readonly identity: '' | 'a' | 'd';
  readonly isGenerated: boolean;
  readonly collation: string | null;
}

export interface InspectedConstraint {
  readonly name: string;
  /** Primary key, unique, foreign key, check, exclusion. */
  readonly kind: 'p' | 'u' | 'f' | 'c' | 'x';
  readonly columns: readonly string[];
  readonly definition: string;
  readonly isDeferrable: boolean;
  readonly isDeferred: boolean;
  /** Of a foreign key: the letters of `pg_constraint`. */
  readonly onDelete: string;
  readonly onUpdate: string;
  /** Columns that SET NULL nulls; empty for all. */
  readonly nulled: readonly string[];
  readonly references: { readonly schema: string; readonly table: string; readonly columns: readonly string[] } | null;
}

export interface InspectedIndex {
  readonly name: string;
  /** As `pg_get_indexdef` prints it. */
  readonly definition: string;
  readonly method: string;
  readonly isUnique: boolean;
  readonly isConstraint: boolean;
  readonly isReplicaIdentity: boolean;
  readonly hasCondition: boolean;
  readonly comment: string | null;
  /** Key columns in order; null where one of them is an expression. */
  readonly columns: readonly string[] | null;
  /** Whether every key column has its type's default operator class and order, and none is only included. */
  readonly isPlain: boolean;
}

interface InspectedTrigger {
  readonly name: string;
  readonly function: string;
  /** Whether it runs for the update of a row. */
  readonly isOfUpdates: boolean;
}

/** A table of one schema, with all that adoption must know of it. */
export interface InspectedTable {
  readonly name: string;
  /** `r` for an ordinary table, `p` for a partitioned one, `f` for a foreign one. */
  readonly kind: 'r' | 'p' | 'f';
  readonly owner: string;
  /** Whether the connected role has the owner's rights. */
  readonly isOwned: boolean;
  readonly isInherited: boolean;
  readonly isUnlogged: boolean;
  readonly hasRowSecurity: boolean;
  /** The planner's estimate; -1 when it has none. */
  readonly estimatedRows: number;
  /** Roles that are granted the table, besides its owner; an empty text for everybody. */
  readonly grantees: readonly string[];
  readonly columns: readonly InspectedColumn[];
  readonly constraints: readonly InspectedConstraint[];
  readonly indexes: readonly InspectedIndex[];
  readonly triggers: readonly InspectedTrigger[];
  readonly policies: readonly string[];
  readonly isPublished: boolean;
}

/** What a schema has besides tables. */
export interface InspectedExtras {
  readonly views: readonly { readonly name: string; readonly isMaterialized: boolean; readonly isInvoker: boolean }[];
  /** SECURITY DEFINER functions that everybody may execute. */
  readonly definerFunctions: readonly string[];
  /** Tables of other schemas whose foreign keys lead here. */
  readonly referencingTables: readonly string[];
  /** Whether everybody may create objects in the schema. */
  readonly isOpenToAll: boolean;
  /** Whether the connected role may create indexes in the schema. */
  readonly mayCreate: boolean;
  /** Whether it may create the schemas that adoption needs in the database, or they are there. */
  readonly mayCreateSchemas: boolean;
}

const TABLES = `
  SELECT c.relname AS name, c.relkind AS kind, pg_get_userbyid(c.relowner) AS owner,
    pg_has_role(c.relowner, 'USAGE') AS "isOwned", c.relpersistence = 'u' AS "isUnlogged",
    c.relispartition OR EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent)) AS "isInherited",
    c.relrowsecurity AS "hasRowSecurity", c.reltuples::float8 AS "estimatedRows",
    ARRAY(SELECT DISTINCT coalesce(r.rolname::text, '') FROM aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
          WHERE a.grantee <> c.relowner ORDER BY 1) AS grantees,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'kind', t.typtype,
        'labels', CASE WHEN t.typnamespace = c.relnamespace
          THEN ARRAY(SELECT l.enumlabel::text FROM pg_enum l WHERE l.enumtypid = t.oid ORDER BY l.enumsortorder) ELSE '{}' END,
        'isNotNull', a.attnotnull, 'default', pg_get_expr(d.adbin, d.adrelid),
        'isSerial', a.attidentity = '' AND pg_get_serial_sequence(quote_ident($1) || '.' || quote_ident(c.relname), a.attname) IS NOT NULL,
        'identity', a.attidentity, 'isGenerated', a.attgenerated <> '',
        'collation', CASE WHEN a.attcollation <> t.typcollation THEN (SELECT l.collname FROM pg_collation l WHERE l.oid = a.attcollation) END
        ) ORDER BY a.attnum), '[]')
     FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', o.conname, 'kind', o.contype, 'definition', pg_get_constraintdef(o.oid),
        'isDeferrable', o.condeferrable, 'isDeferred', o.condeferred, 'onDelete', o.confdeltype, 'onUpdate', o.confupdtype,
        'columns', ARRAY(SELECT a.attname::text FROM unnest(o.conkey) WITH ORDINALITY k(attnum, n)
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum ORDER BY k.n),
        'nulled', ARRAY(SELECT a.attname::text FROM unnest(o.confdelsetcols) k(attnum)
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum),
        'references', CASE WHEN o.confrelid <> 0 THEN (
          SELECT jsonb_build_object('schema', n.nspname, 'table', p.relname, 'columns',
            ARRAY(SELECT a.attname::text FROM unnest(o.confkey) WITH ORDINALITY k(attnum, n)
              JOIN pg_attribute a ON a.attrelid = p.oid AND a.attnum = k.attnum ORDER BY k.n))
          FROM pg_class p JOIN pg_namespace n ON n.oid = p.relnamespace WHERE p.oid = o.confrelid) END
        ) ORDER BY o.contype, o.conname), '[]')
     FROM pg_constraint o WHERE o.conrelid = c.oid AND o.contype IN ('p', 'u', 'f', 'c', 'x') AND o.conparentid = 0) AS constraints,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
        'name', x.relname, 'definition', pg_get_indexdef(i.indexrelid), 'method', m.amname, 'isUnique', i.indisunique,
        'isConstraint', EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.indexrelid AND o.conrelid = c.oid),
        'isReplicaIdentity', i.indisreplident, 'hasCondition', i.indpred IS NOT NULL,
        'comment', obj_description(x.oid, 'pg_class'),
        'isPlain', i.indnatts = i.indnkeyatts AND i.indoption::text ~ '^[0 ]*$' AND i.indexprs IS NULL AND NOT EXISTS (
          SELECT FROM unnest(i.indclass::oid[]) k JOIN pg_opclass p ON p.oid = k WHERE NOT p.opcdefault),
        'columns', CASE WHEN i.indexprs IS NULL THEN to_jsonb(ARRAY(
          SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, n)
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum WHERE k.n <= i.indnkeyatts ORDER BY k.n)) END
        ) ORDER BY x.relname), '[]')
     FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
     WHERE i.indrelid = c.oid AND i.indisvalid) AS indexes,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('name', g.tgname, 'function', g.tgfoid::regproc::text,
        'isOfUpdates', (g.tgtype & 1) = 1 AND (g.tgtype & 16) = 16) ORDER BY g.tgname), '[]')
     FROM pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal AND g.tgenabled <> 'D') AS triggers,
    ARRAY(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid ORDER BY 1) AS policies,
    EXISTS (SELECT FROM pg_publication_rel r WHERE r.prrelid = c.oid)
      OR EXISTS (SELECT FROM pg_publication p WHERE p.puballtables) AS "isPublished"
  FROM pg_class c
  WHERE c.relnamespace = to_regnamespace(quote_ident($1))::oid AND c.relkind IN ('r', 'p', 'f')
    AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
  ORDER BY c.relname`;

const EXTRAS = `
  SELECT
    (SELECT coalesce(jsonb_agg(jsonb_build_object('name', c.relname, 'isMaterialized', c.relkind = 'm',
        'isInvoker', coalesce(c.reloptions, '{}') @> '{security_invoker=true}') ORDER BY c.relname), '[]')
     FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('v', 'm')
       AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')) AS views,
    ARRAY(SELECT p.oid::regprocedure::text FROM pg_proc p
      WHERE p.pronamespace = n.oid AND p.prosecdef AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
        AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0)
      ORDER BY 1) AS "definerFunctions",
    ARRAY(SELECT DISTINCT o.conrelid::regclass::text FROM pg_constraint o
      JOIN pg_class f ON f.oid = o.confrelid JOIN pg_class r ON r.oid = o.conrelid
      WHERE o.contype = 'f' AND f.relnamespace = n.oid AND r.relnamespace <> n.oid ORDER BY 1) AS "referencingTables",
    EXISTS (SELECT FROM aclexplode(n.nspacl) a WHERE a.grantee = 0 AND a.privilege_type = 'CREATE') AS "isOpenToAll",
    has_schema_privilege(n.oid, 'CREATE') AS "mayCreate",
    has_database_privilege(current_database(), 'CREATE')
      OR to_regnamespace('tenantry_isolation') IS NOT NULL AND to_regnamespace('tenantry_adoption') IS NOT NULL AS "mayCreateSchemas"
  FROM pg_namespace n WHERE n.nspname = $1`;

/** Reads the schema's tables in the system catalogs. Sets the session's `search_path` to the schema. */
export async function inspectTables(client: pg.ClientBase, schema: string): Promise<readonly InspectedTable[]> {
  await client.query(`SELECT set_config('search_path', quote_ident($1), false)`, [schema]);
  return (await client.query<InspectedTable>(TABLES, [schema])).rows;
}

/** What the schema has besides tables; undefined when there is no such schema. */
export async function inspectExtras(client: pg.ClientBase, schema: string): Promise<InspectedExtras | undefined> {
  return (await client.query<InspectedExtras>(EXTRAS, [schema])).rows[0];
}
