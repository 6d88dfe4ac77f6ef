/**
 * Conditions of one kind whose operators PostgreSQL does not mark leakproof, although they neither raise an error that
 * depends on a row's value nor have effects besides their result. What a tenant's SQL may pass to them is any expression of columns
 * and constants that calls leakproof functions only, `ARRAY[ROW(secret)]` among them.
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

/** Each kind can be marked on its own. The same on PostgreSQL 15 and 18. */
export const OPERATOR_KINDS: readonly OperatorKind[] = [
  {
    name: 'numeric',
    conditions: '= <> < <= > >= of numeric',
    functions: comparisons('numeric', 'numeric'),
    risk: 'how long a comparison takes depends on the number of digits',
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
    conditions: '= <> < <= > >= && @> <@ << >> &< &> -|- of two ranges; not @> of a value',
    functions: {
      ...comparisons('range', 'anyrange'),
      ...same(
        ['range_overlaps', 'range_contains', 'range_contained_by', 'range_before', 'range_after'],
        'anyrange, anyrange',
      ),
      ...same(['range_overleft', 'range_overright', 'range_adjacent'], 'anyrange, anyrange'),
    },
    risk: 'they call functions of the type: have columns of built-in types of ranges only',
    alternative: 'generated columns of the lower and the upper bound',
  },
  {
    name: 'jsonb',
    conditions: '= <> < <= > >= ? ?| ?& of jsonb; not @> <@ @? @@',
    functions: {
      ...comparisons('jsonb', 'jsonb'),
      jsonb_exists: 'jsonb, text',
      ...same(['jsonb_exists_any', 'jsonb_exists_all'], 'jsonb, text[]'),
    },
    risk: 'how long a comparison takes depends on the size of the documents',
    alternative: 'generated columns of the keys that are searched',
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
    risk: 'a text of more than about 250 MB raises an error, also one that is compared with: whether a table has rows',
    alternative: 'text, and a generated text column of lower(x)',
  },
];
