import { Injectable } from '@nestjs/common';
import type { EntityManager, Repository } from 'typeorm';
import {
  ConflictError,
  InjectTenantRepository,
  NotFoundError,
  TenantConnectionService,
  TenantContext,
  ValidationFailedError,
} from '../../index.js';
import { type PageQuery, selectPage } from '../../rest.js';
import { orderTotal } from './amounts.js';
import { newLines, newOrder } from './new-order.js';
import { Order } from './order.entity.js';
import { OrderLine } from './order-line.entity.js';
import type { NewOrder, OrderChange } from './order.schemas.js';
import type { OrderSummary } from './order-summary.schema.js';

@Injectable()
export class OrdersService {
  constructor(
    @InjectTenantRepository(Order) private readonly orders: Repository<Order>,
    private readonly connections: TenantConnectionService,
    private readonly context: TenantContext,
  ) {}

  /**
   * Returns one row more than the page size when another page follows. One statement, so orders and lines are
   * consistent.
   */
  list(page: PageQuery): Promise<Order[]> {
    const ids = selectPage(this.orders.createQueryBuilder('page').select('page.id'), page);
    return this.orders
      .createQueryBuilder('order')
      .leftJoinAndSelect('order.lines', 'line')
      .where(`order.id IN (${ids.getQuery()})`, ids.getParameters())
      .orderBy('order.createdAt', 'DESC')
      .addOrderBy('order.id', 'DESC')
      .addOrderBy('line.position')
      .getMany();
  }

  /** Count and total of the orders by status and currency. */
  async summary(): Promise<OrderSummary> {
    const rows = await this.orders
      .createQueryBuilder('order')
      .select('order.status', 'status')
      .addSelect('order.currency', 'currency')
      .addSelect('count(*)', 'count')
      .addSelect('sum(order.total)', 'total')
      .groupBy('order.status')
      .addGroupBy('order.currency')
      .orderBy('order.status')
      .addOrderBy('order.currency')
      .getRawMany<{ status: Order['status']; currency: string; count: string; total: string }>();
    return { items: rows.map((row) => ({ ...row, count: Number(row.count), total: Number(row.total) })) };
  }

  /** Atomic, in one round trip. @throws ValidationFailedError when it has more lines than the tenant may have */
  async create(values: NewOrder): Promise<Order> {
    this.assertLines(values.lines);
    const order = newOrder(this.orders.manager, values);
    await this.connections.batch((batch) => [batch.insert(Order, order), batch.insert(OrderLine, order.lines)]);
    return order;
  }

  /** @throws NotFoundError */
  read(id: string): Promise<Order> {
    return readOrder(this.orders.manager, id);
  }

  /**
   * Optimistic locking: the update checks the version, and locks the row until the lines are written as well.
   *
   * @throws NotFoundError
   * @throws ConflictError when the version is outdated
   * @throws ValidationFailedError when it has more lines than the tenant may have
   */
  async change(id: string, { version, status, lines }: OrderChange): Promise<Order> {
    if (lines) this.assertLines(lines);
    return this.connections.transaction(async (manager) => {
      const total = lines && orderTotal(lines);
      const { affected } = await manager.update(Order, { id, version }, { status, total });
      if (affected === 0) {
        await readOrder(manager, id);
        throw new ConflictError('the order has changed since it was read');
      }
      if (lines) {
        await manager.delete(OrderLine, { orderId: id });
        await manager.insert(OrderLine, newLines(manager, id, lines));
      }
      return readOrder(manager, id);
    });
  }

  /** @throws NotFoundError */
  async delete(id: string): Promise<void> {
    const { affected } = await this.orders.delete({ id });
    if (affected === 0) throw new NotFoundError('order');
  }

  /** A setting of the tenant, or of its plan. */
  private assertLines(lines: NewOrder['lines']): void {
    const { maxOrderLines } = this.context.current().settings;
    if (lines.length <= maxOrderLines) return;
    throw new ValidationFailedError([{ field: 'lines', message: `must have at most ${maxOrderLines} lines` }]);
  }
}

async function readOrder(manager: EntityManager, id: string): Promise<Order> {
  const order = await manager
    .createQueryBuilder(Order, 'order')
    .leftJoinAndSelect('order.lines', 'line')
    .where({ id })
    .orderBy('line.position')
    .getOne();
  if (!order) throw new NotFoundError('order');
  return order;
}
