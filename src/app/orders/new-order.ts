import { randomUUID } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { orderTotal } from './amounts.js';
import { Order } from './order.entity.js';
import { OrderLine } from './order-line.entity.js';
import type { NewOrder } from './order.schemas.js';

/** An order with its lines, not yet inserted. It has its id already, so that the lines can be inserted in the same batch. */
export function newOrder(
  manager: EntityManager,
  { lines, id = randomUUID(), ...values }: NewOrder & { readonly id?: string },
): Order {
  const order = manager.create(Order, { ...values, id, total: orderTotal(lines) });
  order.lines = newLines(manager, id, lines);
  return order;
}

export function newLines(manager: EntityManager, orderId: string, lines: NewOrder['lines']): OrderLine[] {
  return lines.map((line, position) => manager.create(OrderLine, { ...line, orderId, position }));
}
