import { z } from 'zod';
import { boundedText, versionNumber } from '../../rest.js';
import { EXAMPLE_CUSTOMER_ID } from '../customers/customer.schemas.js';
import { MAX_LINES, MAX_QUANTITY, MAX_UNIT_PRICE } from './amounts.js';
import { type Order, ORDER_STATUSES } from './order.entity.js';

/** Used by the API documentation's examples and created for demo tenants, so that "Try it out" works unchanged. */
export const EXAMPLE_ORDER_ID = '6d1f3b52-8f43-4a7e-8a4b-0c7c4ac1f0e2';

const status = z.enum(ORDER_STATUSES);
const currency = z.string().regex(/^[A-Z]{3}$/, 'must be a three-letter ISO 4217 currency code');

const orderLine = z
  .strictObject({
    description: boundedText(200),
    quantity: z.int().min(1).max(MAX_QUANTITY),
    unitPrice: z.int().min(0).max(MAX_UNIT_PRICE).describe('In minor units of the currency'),
  })
  .meta({ id: 'OrderLine' });

const lines = z.array(orderLine).min(1).max(MAX_LINES);
const exampleLines = [
  { description: 'Punched cards, box of 500', quantity: 2, unitPrice: 1250 },
  { description: 'Delivery', quantity: 1, unitPrice: 490 },
];

export const newOrder = z
  .strictObject({
    number: boundedText(40),
    customerId: z.guid(),
    status: status.default('draft'),
    currency,
    lines,
  })
  .meta({
    id: 'NewOrder',
    example: {
      number: 'A-2001',
      customerId: EXAMPLE_CUSTOMER_ID,
      currency: 'EUR',
      lines: exampleLines,
    },
  });
export type NewOrder = z.infer<typeof newOrder>;

export const orderChange = z
  .strictObject({
    version: versionNumber,
    status: status.optional(),
    lines: lines.optional().describe('Replaces all lines'),
  })
  .meta({ id: 'OrderChange', example: { version: 1, status: 'placed' } });
export type OrderChange = z.infer<typeof orderChange>;

export const orderView = z
  .object({
    id: z.guid(),
    number: z.string(),
    customerId: z.guid(),
    status,
    currency,
    total: z.int().nonnegative().describe('Sum of the lines, in minor units of the currency'),
    lines: z.array(orderLine),
    version: z.int().positive(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({
    id: 'Order',
    example: {
      id: EXAMPLE_ORDER_ID,
      number: 'A-1001',
      customerId: EXAMPLE_CUSTOMER_ID,
      status: 'draft',
      currency: 'EUR',
      total: 2990,
      lines: exampleLines,
      version: 1,
      createdAt: '2026-01-05T09:30:00.000Z',
      updatedAt: '2026-01-05T09:30:00.000Z',
    },
  });
export type OrderView = z.infer<typeof orderView>;

export function toOrderView(order: Order): OrderView {
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
