/** Statements of A whose answer could tell whether B has a customer with the id `{id}`. */
export const ORACLES: readonly string[] = [
  `INSERT INTO {b}.customers (tenant_id, id, email, name) VALUES ('{B}', '{id}', 'x@example.com', 'x')`,
  `INSERT INTO {b}.customers (tenant_id, id, email, name) VALUES ('{B}', '{id}', 'x', 'x') ON CONFLICT DO NOTHING`,
  `INSERT INTO {b}.customers (tenant_id, id, email, name) VALUES ('{B}', '{id}', 'x', 'x') ON CONFLICT (tenant_id, id) DO NOTHING RETURNING 1`,
  `INSERT INTO {b}.customers (tenant_id, id, email, name) VALUES ('{B}', '{id}', 'x', 'x') ON CONFLICT (tenant_id, id) DO UPDATE SET name = 'x'`,
  `INSERT INTO {b}.customers (tenant_id, id, email, name) VALUES ('{B}', '{id}', 'UPPER', 'x')`,
  `INSERT INTO {b}.orders (tenant_id, number, customer_id, status, currency, total) VALUES ('{B}', 'x', '{id}', 'draft', 'EUR', 1)`,
  `INSERT INTO {b}.orders (number, customer_id, status, currency, total) VALUES ('x', '{id}', 'draft', 'EUR', 1)`,
  `UPDATE {b}.customers SET tenant_id = '{B}', id = '{id}'`,
  `UPDATE {b}.orders SET customer_id = '{id}'`,
  `UPDATE {b}.orders SET tenant_id = '{B}', customer_id = '{id}'`,
  `MERGE INTO {b}.customers c USING (VALUES ('{id}'::uuid)) v(id) ON c.id = v.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (tenant_id, id, email, name) VALUES ('{B}', v.id, 'x', 'x')`,
  `DELETE FROM {b}.customers WHERE id = '{id}'`,
  `SELECT 1 FROM {b}.customers WHERE id = '{id}' FOR UPDATE NOWAIT`,
  `SELECT 1 / count(*) FROM {b}.customers WHERE (tenant_id, id) = ('{B}', '{id}')`,
];
