import { z } from 'zod';
import { ORDER_STATUSES } from './order.entity.js';

export const orderSummary = z
  .object({
    items: z.array(
      z.object({
        status: z.enum(ORDER_STATUSES),
        currency: z.string(),
        count: z.int(),
        total: z.number().describe('In minor units of the currency; exact up to 2^53, rounded above'),
      }),
    ),
  })
  .meta({ id: 'OrderSummary', example: { items: [{ status: 'paid', currency: 'EUR', count: 12, total: 35880 }] } });
export type OrderSummary = z.infer<typeof orderSummary>;
