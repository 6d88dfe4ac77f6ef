import type { ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import { z } from 'zod';
import { wholeNumber } from './whole-number.js';

/** The row that a page ended with: the next one starts behind it, whatever was inserted since. */
export interface PagePosition {
  readonly createdAt: Date;
  readonly id: string;
}

export interface Page<Item> {
  readonly items: Item[];
  readonly nextCursor: string | null;
}

/** The query of every list. A cursor that is not one of ours is refused as the field `cursor`. */
export const pageQuery = z.strictObject({
  limit: wholeNumber(1, 100).default(20).describe('How many items'),
  cursor: z
    .string()
    .max(100)
    .transform((cursor, context) => decodeCursor(cursor) ?? refuseCursor(context))
    .optional()
    .describe('`nextCursor` of the page before'),
});
export type PageQuery = z.infer<typeof pageQuery>;

/** The schema of a list's answer, for its documentation. */
export function pageOf<Item extends z.ZodType>(item: Item): z.ZodType<Page<z.infer<Item>>> {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable().describe('null on the last page') });
}

/** Milliseconds and id, opaque to callers. Milliseconds are exact: `created_at` is a `timestamptz(3)`. */
export function encodeCursor({ createdAt, id }: PagePosition): string {
  return Buffer.from(`${createdAt.getTime()}.${id}`).toString('base64url');
}

export function decodeCursor(cursor: string): PagePosition | undefined {
  const position = /^(\d{1,13})\.([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/.exec(
    Buffer.from(cursor, 'base64url').toString(),
  );
  if (!position?.[1] || !position[2]) return undefined;
  return { createdAt: new Date(Number(position[1])), id: position[2] };
}

/**
 * Narrows a query to one page, newest first, and one row more that tells whether another page follows.
 * The comparison is one row comparison, so that an index on (created_at, id) leads straight to the position.
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

/** The page as it is answered, from the rows that `selectPage` found. */
export function toPage<Row extends PagePosition, Item>(
  rows: readonly Row[],
  { limit }: PageQuery,
  toItem: (row: Row) => Item,
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return { items: shown.map(toItem), nextCursor: last ? encodeCursor(last) : null };
}

function refuseCursor(context: z.RefinementCtx): never {
  context.addIssue({ code: 'custom', message: 'must be the nextCursor of another page' });
  return z.NEVER;
}
