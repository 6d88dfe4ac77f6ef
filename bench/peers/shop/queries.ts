import type { DataSource, EntityManager } from 'typeorm';
import { Order, OrderLine } from './entities.js';
import type { NewOrder, PageQuery } from './schemas.js';

/** The application's own queries, without tenants. */

export function listOrders({ manager }: DataSource, { limit }: PageQuery): Promise<Order[]> {
  const ids = manager
    .createQueryBuilder(Order, 'page')
    .select('page.id')
    .orderBy('page.createdAt', 'DESC')
    .addOrderBy('page.id', 'DESC')
    .limit(limit + 1);
  return manager
    .createQueryBuilder(Order, 'order')
    .leftJoinAndSelect('order.lines', 'line')
    .where(`order.id IN (${ids.getQuery()})`, ids.getParameters())
    .orderBy('order.createdAt', 'DESC')
    .addOrderBy('order.id', 'DESC')
    .addOrderBy('line.position')
    .getMany();
}

export function readOrder({ manager }: DataSource, id: string): Promise<Order | null> {
  return manager
    .createQueryBuilder(Order, 'order')
    .leftJoinAndSelect('order.lines', 'line')
    .where({ id })
    .orderBy('line.position')
    .getOne();
}

export function createOrder(source: DataSource, values: NewOrder): Promise<Order> {
  return source.transaction((manager) => insertOrder(manager, values));
}

async function insertOrder(manager: EntityManager, { lines, ...values }: NewOrder): Promise<Order> {
  const total = lines.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice, 0);
  const order = manager.create(Order, { ...values, total });
  await manager.insert(Order, order);
  order.lines = lines.map((line, position) => manager.create(OrderLine, { ...line, orderId: order.id, position }));
  await manager.insert(OrderLine, order.lines);
  return order;
}
