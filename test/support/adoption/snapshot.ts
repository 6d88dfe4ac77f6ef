import type pg from 'pg';

/** Everything about the objects of some schemas that `pg_dump --schema-only` would print, without the numbers of columns. */
const CATALOG = `
  WITH s AS (SELECT oid, nspname, nspowner, nspacl FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$)' AND nspname <> ALL ($1::text[]))
  SELECT 'schema ' || nspname AS object, concat_ws(' ', pg_get_userbyid(nspowner), coalesce(nspacl, acldefault('n', nspowner))::text, obj_description(oid, 'pg_namespace')) AS definition FROM s
  UNION ALL
  SELECT 'relation ' || c.oid::regclass, concat_ws(' ', c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.reloptions, c.relreplident,
    pg_get_userbyid(c.relowner), array(SELECT a::text FROM unnest(coalesce(c.relacl, acldefault((CASE WHEN c.relkind = 'S' THEN 's' ELSE 'r' END)::"char", c.relowner))) a ORDER BY 1), obj_description(c.oid, 'pg_class'))
  FROM pg_class c JOIN s ON s.oid = c.relnamespace WHERE c.relkind <> 'i'
  UNION ALL
  SELECT 'column ' || a.attrelid::regclass || '.' || a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid), a.attacl)
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN s ON s.oid = c.relnamespace
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind <> 'i'
  UNION ALL
  SELECT 'constraint ' || o.conrelid::regclass || '.' || o.conname, pg_get_constraintdef(o.oid) || ' ' || o.convalidated FROM pg_constraint o JOIN s ON s.oid = o.connamespace WHERE o.conrelid <> 0
  UNION ALL
  SELECT 'index ' || i.indexrelid::regclass, concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisprimary, i.indisreplident, obj_description(i.indexrelid, 'pg_class')) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN s ON s.oid = c.relnamespace
  UNION ALL
  SELECT 'trigger ' || g.tgrelid::regclass || '.' || g.tgname, pg_get_triggerdef(g.oid) FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN s ON s.oid = c.relnamespace WHERE NOT g.tgisinternal
  UNION ALL
  SELECT 'policy ' || p.polrelid::regclass || '.' || p.polname, concat_ws(' ', pg_get_expr(p.polqual, p.polrelid), p.polroles) FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN s ON s.oid = c.relnamespace
  UNION ALL
  SELECT 'function ' || p.oid::regprocedure, pg_get_functiondef(p.oid) || coalesce(p.proacl, acldefault('f', p.proowner))::text FROM pg_proc p JOIN s ON s.oid = p.pronamespace WHERE p.prokind IN ('f', 'p')
  ORDER BY 1`;

/** The objects of a database's schemas, by name. @param without schemas that are left out */
export async function catalogSnapshot(
  client: pg.ClientBase,
  without: readonly string[] = [],
): Promise<Readonly<Record<string, string>>> {
  await client.query('SET search_path = pg_catalog');
  const { rows } = await client.query<{ object: string; definition: string }>(CATALOG, [without]);
  await client.query('RESET search_path');
  return Object.fromEntries(rows.map(({ object, definition }) => [object, definition]));
}

/** For each table of a schema: how many rows it has, and a hash of all of them that does not depend on their order. */
export async function rowHashes(
  client: pg.ClientBase,
  schema: string,
): Promise<Readonly<Record<string, { readonly rows: string; readonly hash: string }>>> {
  const { rows: tables } = await client.query<{ name: string }>(
    `SELECT format('%I.%I', $1::text, relname) AS name FROM pg_class
     WHERE relnamespace = to_regnamespace(quote_ident($1)) AND relkind = 'r' ORDER BY relname`,
    [schema],
  );
  const hashes: Record<string, { rows: string; hash: string }> = {};
  for (const { name } of tables) {
    const { rows } = await client.query<{ rows: string; hash: string }>(
      `SELECT count(*) AS rows, coalesce(sum(hashtextextended((to_jsonb(t) - 'tenant_id')::text, 0)::numeric), 0)::text AS hash FROM ${name} t`,
    );
    hashes[name] = rows[0]!;
  }
  return hashes;
}
