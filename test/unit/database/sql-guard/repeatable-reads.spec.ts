import { expect, it } from '@jest/globals';
import { isRepeatable } from '../../../../src/database/sql-guard/row-statements.js';

it.each([
  `SELECT "Order"."id" AS "Order_id" FROM "orders" "Order" WHERE ("Order"."status" IN ($1, $2)) ORDER BY "id" LIMIT 20`,
  'SELECT COUNT(DISTINCT("Order"."id")) AS "cnt" FROM "orders" "Order"',
  `SELECT date_trunc('day', created_at), sum(total)::numeric(12, 2) FROM orders GROUP BY 1`,
  'SELECT * FROM orders o WHERE EXISTS (SELECT FROM items i WHERE i.order_id = o.id)',
  `SELECT 'do_it()' -- do_it()`,
])('%s may run twice', (text) => {
  expect(isRepeatable(text)).toBe(true);
});

it.each([
  'SELECT record_visit($1)',
  'SELECT * FROM "record_visit"($1)',
  'SELECT audit.count(*) FROM orders',
  'SELECT pg_sleep(1)',
  'SELECT * FROM orders FOR UPDATE',
  'UPDATE orders SET total = 1',
  'WITH gone AS (DELETE FROM orders RETURNING id) SELECT count(*) FROM gone',
])('%s may not, as far as is known', (text) => {
  expect(isRepeatable(text)).toBe(false);
});
