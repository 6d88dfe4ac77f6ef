import { z } from 'zod';
import type { Order } from './entities.js';

/** The application's request validation and response format. */

function boundedText(maxLength: number) {
  return z
    .string()
    .trim()
    .min(1)
    .max(maxLength)
    .refine((text) => !text.includes('\0') && !/\p{Surrogate}/u.test(text));
}

const orderLine = z.strictObject({
  description: boundedText(200),
  quantity: z.int().min(1).max(10_000),
  unitPrice: z.int().min(0).max(1_000_000_000),
});

export const newOrder = z.strictObject({
  number: boundedText(40),
  customerId: z.guid(),
  status: z.enum(['draft', 'placed', 'paid', 'shipped', 'cancelled']).default('draft'),
  currency: z.string().regex(/^[A-Z]{3}$/),
  lines: z.array(orderLine).min(1).max(100),
});
export type NewOrder = z.infer<typeof newOrder>;

export const pageQuery = z.strictObject({
  limit: z
    .string()
    .regex(/^\d{1,3}$/)
    .transform(Number)
    .pipe(z.int().min(1).max(100))
    .default(20),
});
export type PageQuery = z.infer<typeof pageQuery>;

export function isId(id: string): boolean {
  return z.guid().safeParse(id).success;
}

export function toOrderView(order: Order) {
  return {
    id: order.id,
    number: order.number,
    customerId: order.customerId,
    status: order.status,
    currency: order.currency,
    total: order.total,
    lines: order.lines.map(({ description, quantity, unitPrice }) => ({ description, quantity, unitPrice })),
    version: order.version,
    createdAt: order.createdAt.toISOString(),
    updatedAt: order.updatedAt.toISOString(),
  };
}
export type OrderView = ReturnType<typeof toOrderView>;

export interface Page {
  readonly items: OrderView[];
  readonly nextCursor: string | null;
}

export function toPage(orders: readonly Order[], { limit }: PageQuery): Page {
  const shown = orders.slice(0, limit);
  const last = orders.length > limit ? shown.at(-1) : undefined;
  return {
    items: shown.map(toOrderView),
    nextCursor: last ? Buffer.from(`${last.createdAt.getTime()}.${last.id}`).toString('base64url') : null,
  };
}
