import { z } from 'zod';

const ordersRow = z.strictObject({
  currency: z.string(),
  orders: z.int(),
  revenue: z.number().describe('in minor units of the currency'),
});
export type OrdersRow = z.infer<typeof ordersRow>;

export const ordersReport = z
  .strictObject({
    items: z.array(
      z.strictObject({
        tenant: z.string().describe('slug'),
        totals: z.array(ordersRow),
        error: z.string().optional().describe('why the tenant could not be read: a code'),
      }),
    ),
  })
  .meta({ id: 'OrdersReport' });
export type OrdersReport = z.infer<typeof ordersReport>;
