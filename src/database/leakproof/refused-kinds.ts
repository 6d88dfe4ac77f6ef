import type pg from 'pg';

/** Why some functions are never marked, by the names under which a user may look for them. */
export const REFUSED_KINDS: Readonly<Record<string, string>> = {
  like: "LIKE 'abc\\' raises an error only where a value begins with abc, which tells other tenants' values letter by letter; use ^@ for prefixes, and a column of trigrams for parts",
  ilike: "ILIKE 'abc\\' raises an error only where a value begins with abc; use ^@ on a generated column of lower(x)",
  regex: 'whether a regular expression fails, and for how long it runs, depends on the value',
  jsonpath: 'comparing dates in a path raises an error that depends on the value; use @>',
  to_tsvector: 'to_tsvector(x) raises an error for a long text, and a notice for a long word; use a generated tsvector',
};

/** Names of PostgreSQL's functions behind these, and of some that a superuser might mark because an index has them. */
const REFUSED_FUNCTIONS: readonly string[] = [
  ...[
    'textlike',
    'textnlike',
    'bpcharlike',
    'bpcharnlike',
    'texticlike',
    'texticnlike',
    'bpchariclike',
    'bpcharicnlike',
  ],
  ...['like', 'notlike', 'like_escape', 'textregexeq', 'textregexne', 'texticregexeq', 'texticregexne'],
  ...['bpcharregexeq', 'bpcharregexne', 'bpcharicregexeq', 'bpcharicregexne', 'regexp_like'],
  ...['jsonb_path_exists_opr', 'jsonb_path_match_opr', 'jsonb_path_exists', 'jsonb_path_match'],
  ...['to_tsvector', 'ts_match_tt', 'ts_match_tq', 'json_object_field_text', 'date_trunc'],
  ...['numeric_div', 'numeric_mul', 'numeric_add', 'numeric_sub', 'int4div', 'int8div'],
];

const MARKED = `
  SELECT p.oid::regprocedure::text AS function FROM pg_proc p
  WHERE p.proleakproof AND p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = ANY ($1) ORDER BY 1`;

/** Functions that are marked in the connected database, although an error of theirs tells other tenants' values. */
export async function markedAgainstAdvice(client: pg.ClientBase): Promise<readonly string[]> {
  const { rows } = await client.query<{ function: string }>(MARKED, [REFUSED_FUNCTIONS]);
  return rows.map((row) => row.function);
}
