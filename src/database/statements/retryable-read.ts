import pg from 'pg';
import { type Token, tokenize } from '../sql-guard/sql-tokens.js';
import { isSymbol } from '../sql-guard/token-patterns.js';
import type { Statement } from './statement.js';

const READS = /^\s*(?:select|table|values)\b/i;
const LOCKS_OR_CREATES = /\bfor\s+(?:no\s+key\s+)?(?:update|(?:key\s+)?share)\b|\binto\b/i;

/** Whether a statement only reads, judging by its text. In doubt it counts as a write. */
export function isRead({ text }: Statement): boolean {
  return READS.test(text) && !LOCKS_OR_CREATES.test(text);
}

/** What may stand in front of a parenthesis in a read: keywords, types, and functions of PostgreSQL that only compute. */
const COMPUTES: ReadonlySet<string> = new Set(
  `all and any array as between by case distinct else end except exists filter from group having ilike in intersect is join
   lateral like limit not offset on or order over partition select similar some then to union using values when where
   bigint bit bpchar char character decimal integer interval numeric text time timestamp varchar with
   abs age array_agg array_length array_to_string avg bool_and bool_or btrim cardinality cast ceil ceiling char_length
   coalesce concat concat_ws count cume_dist date_part date_trunc dense_rank every exp extract first_value floor
   generate_series greatest initcap json_agg json_array_elements json_array_length json_build_array json_build_object
   json_object_agg jsonb_agg jsonb_array_elements jsonb_array_length jsonb_build_array jsonb_build_object jsonb_object_agg
   lag last_value lead least left length ln log lower lpad ltrim max min mod ntile nullif octet_length overlay
   percent_rank percentile_cont percentile_disc position power rank regexp_replace repeat replace reverse right round row
   row_number row_to_json rpad rtrim sign split_part sqrt stddev string_agg string_to_array strpos substr substring sum
   to_char to_date to_json to_jsonb to_number to_timestamp trim trunc unnest upper variance width_bucket`.split(/\s+/),
);

/**
 * Whether a read may run twice. It may not when it calls a function that could do more than compute, as far as the text
 * shows: views, operators and types of the application are expected to only read.
 */
export function isRepeatable(text: string): boolean {
  if (!isRead({ text })) return false;
  return tokenize(text).every((token, index, tokens) => !isSymbol(token, '(') || maySafelyCall(tokens, index));
}

function maySafelyCall(tokens: readonly Token[], parenthesis: number): boolean {
  const [qualifier, name] = [tokens[parenthesis - 2], tokens[parenthesis - 1]];
  if (name?.kind === 'word') return !isSymbol(qualifier, '.') && COMPUTES.has(name.text);
  return name?.kind !== 'name' && name?.kind !== 'escaped-name';
}

/**
 * Whether a statement certainly had no effect because its connection was dead: node-postgres did not send it, or the
 * server's first and only message ended the connection, which excludes a commit.
 *
 * A socket that broke without a message does not count: the statement may have run.
 */
export function neverTookEffect(error: unknown, hasExecuted: boolean): boolean {
  if (hasExecuted) return false;
  // PostgreSQL names the routine that raised the error. A pooler does not: it saw a connection end, not what ran on it.
  if (error instanceof pg.DatabaseError) return error.severity === 'FATAL' && error.routine !== undefined;
  return error instanceof Error && /not queryable/.test(error.message);
}
