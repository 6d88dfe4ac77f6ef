import type pg from 'pg';

/** Why some functions are never marked, by the names under which a user may look for them. */
export const REFUSED_KINDS: Readonly<Record<string, string>> = {
  like: "LIKE 'abc\\' raises an error only where a value begins with abc, which tells other tenants' values letter by letter; use ^@ for prefixes, and ?& on a jsonb of trigrams for parts",
  ilike: "ILIKE 'abc\\' raises an error only where a value begins with abc; use ^@ on a generated column of lower(x)",
  regex: 'whether a regular expression fails, and for how long it runs, depends on the value',
  array:
    "ARRAY[ROW(secret, '{}'::json)] @> ARRAY[ROW('guess', '{}'::json)] raises an error only where the guess is right; use ? on a jsonb of the elements",
  fulltext:
    'a query that is nested deep enough exceeds the stack only where its first word is found; use ?& on a jsonb of the words',
  contains:
    '@> of jsonb raises an error where the stack does not suffice for a part of the document; use ?, or a column of the key',
  element:
    'a value may be a row, whose comparison raises an error that depends on it; use && with a range of one value',
  similarity: 'the operators of pg_trgm raise an error that depends on the length of the value',
  jsonpath: 'comparing dates in a path raises an error that depends on the value; use ?',
  to_tsvector: 'to_tsvector(x) raises an error for a long text, and a notice for a long word; use a generated column',
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
  ...[
    'array_eq',
    'array_ne',
    'array_lt',
    'array_le',
    'array_gt',
    'array_ge',
    'arrayoverlap',
    'arraycontains',
    'arraycontained',
  ],
  ...['record_eq', 'record_ne', 'record_lt', 'record_le', 'record_gt', 'record_ge'],
  ...['range_contains_elem', 'elem_contained_by_range', 'jsonb_contains', 'jsonb_contained'],
  ...[
    'to_tsvector',
    'ts_match_vq',
    'ts_match_qv',
    'ts_match_tt',
    'ts_match_tq',
    'json_object_field_text',
    'date_trunc',
  ],
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
