import type { EntityManager } from 'typeorm';
import { orderTotal } from './amounts.js';
import { Order } from './order.entity.js';
import { OrderLine } from './order-line.entity.js';
import type { NewOrder } from './order.schemas.js';

/** Inserts an order and its lines. `manager` must be in a transaction. */
export async function insertOrder(
  manager: EntityManager,
  { lines, ...values }: NewOrder & { readonly id?: string },
): Promise<Order> {
  const order = manager.create(Order, { ...values, total: orderTotal(lines) });
  await manager.insert(Order, order);
  order.lines = await insertLines(manager, order.id, lines);
  return order;
}

export async function insertLines(
  manager: EntityManager,
  orderId: string,
  lines: NewOrder['lines'],
): Promise<OrderLine[]> {
  const rows = lines.map((line, position) => manager.create(OrderLine, { ...line, orderId, position }));
  await manager.insert(OrderLine, rows);
  return rows;
}
