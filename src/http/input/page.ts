import type { ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import { z } from 'zod';
import { wholeNumber } from './whole-number.js';

/** Position of the last row of a page. The next page starts after it, regardless of rows inserted meanwhile. */
export interface PagePosition {
  readonly createdAt: Date;
  readonly id: string;
}

/** One page of a list; `nextCursor` is null on the last one. */
export interface Page<Item> {
  readonly items: Item[];
  readonly nextCursor: string | null;
}

/** Query parameters of every list. An invalid cursor is reported as an error of the field `cursor`. */
export const pageQuery = z.strictObject({
  limit: wholeNumber(1, 100).default(20).describe('Maximum number of items'),
  cursor: z
    .string()
    .max(100)
    .transform((cursor, context) => decodeCursor(cursor) ?? rejectCursor(context))
    .optional()
    .describe('`nextCursor` of the previous page'),
});
/** The query parameters of a page. */
export type PageQuery = z.infer<typeof pageQuery>;

/** Response schema of a list, for the API documentation. */
export function pageOf<Item extends z.ZodType>(item: Item): z.ZodType<Page<z.infer<Item>>> {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable().describe('null on the last page') });
}

/**
 * Encodes milliseconds and id, opaque to clients. Milliseconds are exact, because `created_at` is a `timestamptz(3)`.
 */
export function encodeCursor({ createdAt, id }: PagePosition): string {
  return Buffer.from(`${createdAt.getTime()}.${id}`).toString('base64url');
}

/** Returns undefined for an invalid cursor. */
export function decodeCursor(cursor: string): PagePosition | undefined {
  const position = /^(\d{1,13})\.([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/.exec(
    Buffer.from(cursor, 'base64url').toString(),
  );
  if (!position?.[1] || !position[2]) return undefined;
  return { createdAt: new Date(Number(position[1])), id: position[2] };
}

/**
 * Limits a query to one page, newest first, plus one row that shows whether another page follows. Uses a row
 * comparison, so that an index on (created_at, id) finds the position directly.
 */
export function selectPage<Row extends ObjectLiteral & PagePosition>(
  query: SelectQueryBuilder<Row>,
  { limit, cursor }: PageQuery,
): SelectQueryBuilder<Row> {
  const row = query.alias;
  if (cursor) query.where(`(${row}.createdAt, ${row}.id) < (:createdAt, :id)`, cursor);
  return query
    .orderBy(`${row}.createdAt`, 'DESC')
    .addOrderBy(`${row}.id`, 'DESC')
    .limit(limit + 1);
}

/** Builds the response from the rows found by `selectPage`. */
export function toPage<Row extends PagePosition, Item>(
  rows: readonly Row[],
  { limit }: PageQuery,
  toItem: (row: Row) => Item,
): Page<Item> {
  const pageRows = rows.slice(0, limit);
  const last = rows.length > limit ? pageRows.at(-1) : undefined;
  return { items: pageRows.map(toItem), nextCursor: last ? encodeCursor(last) : null };
}

function rejectCursor(context: z.RefinementCtx): never {
  context.addIssue({ code: 'custom', message: 'must be the nextCursor of another page' });
  return z.NEVER;
}
