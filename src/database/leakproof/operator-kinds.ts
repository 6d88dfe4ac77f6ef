/**
 * Conditions of one kind whose operators PostgreSQL does not mark leakproof, although they neither raise an error that
 * depends on a row's value nor have effects besides their result.
 */
export interface OperatorKind {
  readonly name: string;
  /** The conditions, as a user writes them. */
  readonly conditions: string;
  /** The extension that brings the functions; PostgreSQL itself unless given. */
  readonly extension?: string;
  /** Name -> types of its arguments, of the functions behind the operators. */
  readonly functions: Readonly<Record<string, string>>;
  /** What may be told about other tenants' rows once these are marked. */
  readonly risk: string;
  /** What does without a superuser. */
  readonly alternative: string;
}

const COMPARISONS = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'];

/** `prefix_eq`, `prefix_lt`, … of one type. */
function comparisons(prefix: string, type: string): Record<string, string> {
  return Object.fromEntries(COMPARISONS.map((comparison) => [`${prefix}_${comparison}`, `${type}, ${type}`]));
}

function same(names: readonly string[], types: string): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, types]));
}

const TIMING = 'how long a comparison takes depends on the length of the values';

/** Each kind can be marked on its own. The same on PostgreSQL 15 to 18. */
export const OPERATOR_KINDS: readonly OperatorKind[] = [
  {
    name: 'numeric',
    conditions: '= <> < <= > >= of numeric',
    functions: comparisons('numeric', 'numeric'),
    risk: TIMING,
    alternative: 'a generated bigint column of minor units',
  },
  {
    name: 'enum',
    conditions: '= <> < <= > >= of enums',
    functions: comparisons('enum', 'anyenum'),
    risk: 'none known; < and > raise an error for a value that is missing in pg_enum, which is a damaged catalog',
    alternative: 'text with a CHECK instead of an enum, or a generated text column',
  },
  {
    name: 'range',
    conditions: '= <> < <= > >= && @> <@ << >> &< &> -|- of ranges',
    functions: {
      ...comparisons('range', 'anyrange'),
      ...same(
        ['range_overlaps', 'range_contains', 'range_contained_by', 'range_before', 'range_after'],
        'anyrange, anyrange',
      ),
      ...same(['range_overleft', 'range_overright', 'range_adjacent'], 'anyrange, anyrange'),
      range_contains_elem: 'anyrange, anyelement',
      elem_contained_by_range: 'anyelement, anyrange',
    },
    risk: 'they call functions of the type: have ranges of built-in types only',
    alternative: 'generated columns of the lower and the upper bound',
  },
  {
    name: 'array',
    conditions: '= <> < <= > >= && @> <@ of arrays',
    functions: {
      ...comparisons('array', 'anyarray'),
      ...same(['arrayoverlap', 'arraycontains', 'arraycontained'], 'anyarray, anyarray'),
    },
    risk: 'they call the comparison of the element type: have arrays of built-in types only',
    alternative: 'a table with one row per element',
  },
  {
    name: 'jsonb',
    conditions: '= <> < <= > >= @> <@ ? ?| ?& of jsonb; @? and @@ are not among them',
    functions: {
      ...comparisons('jsonb', 'jsonb'),
      ...same(['jsonb_contains', 'jsonb_contained'], 'jsonb, jsonb'),
      jsonb_exists: 'jsonb, text',
      ...same(['jsonb_exists_any', 'jsonb_exists_all'], 'jsonb, text[]'),
    },
    risk: `${TIMING}; a document nested some thousand levels deep, compared with another as deep, exceeds the stack`,
    alternative: 'generated columns of the keys that are searched',
  },
  {
    name: 'fulltext',
    conditions: 'tsvector @@ tsquery; text @@ and to_tsvector(…) @@ are not among them',
    functions: { ts_match_vq: 'tsvector, tsquery', ts_match_qv: 'tsquery, tsvector' },
    risk: TIMING,
    alternative: 'a table with one row per word',
  },
  {
    name: 'lower',
    conditions: 'lower(x) and upper(x) of text',
    functions: { lower: 'text', upper: 'text' },
    risk: 'a text of more than about 250 MB raises an error',
    alternative: 'a generated text column of lower(x)',
  },
  {
    name: 'citext',
    extension: 'citext',
    conditions: '= <> < <= > >= of citext',
    functions: comparisons('citext', 'citext'),
    risk: 'a text of more than about 250 MB raises an error',
    alternative: 'text, and a generated text column of lower(x)',
  },
  {
    name: 'similarity',
    extension: 'pg_trgm',
    conditions: '% <% %> <<% %>> of pg_trgm; LIKE and ~ are not among them',
    functions: same(
      [
        'similarity_op',
        'word_similarity_op',
        'word_similarity_commutator_op',
        'strict_word_similarity_op',
        'strict_word_similarity_commutator_op',
      ],
      'text, text',
    ),
    risk: `${TIMING}; a text of more than about 250 MB raises an error`,
    alternative: 'a database of its own for the tenant that needs it',
  },
];
