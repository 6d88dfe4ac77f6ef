import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import type { z } from 'zod';
import { NotFoundError } from '../../../../src/platform/errors/request.errors.js';
import { customerChange, newCustomer } from '../../../../src/app/customers/customer.schemas.js';
import { seedDemo } from '../../../../src/app/orders/seed-demo.js';
import { EXAMPLE_CUSTOMER_ID } from '../../../../src/app/customers/customer.schemas.js';
import { EXAMPLE_ORDER_ID } from '../../../../src/app/orders/order.schemas.js';
import type { Order } from '../../../../src/app/orders/order.entity.js';
import { newOrder, type NewOrder, orderChange } from '../../../../src/app/orders/order.schemas.js';
import { pageQuery, toPage } from '../../../../src/http/input/page.js';
import { OrdersFixture, violationOf } from '../../../support/orders/orders-fixture.js';

let fixture: OrdersFixture;

beforeAll(async () => {
  fixture = await OrdersFixture.create();
});
afterAll(() => fixture.close());

const LINES = [
  { description: 'Gear', quantity: 2, unitPrice: 1250 },
  { description: 'Delivery', quantity: 1, unitPrice: 490 },
];

/** A tenant with one customer, and what it takes to order something for that customer. */
async function tenantWithCustomer(): Promise<{ dataSource: DataSource; order: (number: string) => NewOrder }> {
  const dataSource = fixture.dataSource();
  const customer = { email: 'ada@example.com', name: 'Ada' };
  const { id: customerId } = await fixture.as(dataSource, () => fixture.customers.create(customer));
  const order = (number: string): NewOrder => newOrder.parse({ number, customerId, currency: 'EUR', lines: LINES });
  return { dataSource, order };
}

async function inTenant(work: (order: (number: string) => NewOrder) => Promise<void>): Promise<void> {
  const { dataSource, order } = await tenantWithCustomer();
  await fixture.as(dataSource, () => work(order));
}

async function linesStored(orderId: string): Promise<number> {
  const rows = await fixture.database.admin<{ count: string }>(
    'SELECT count(*) FROM app.order_lines WHERE order_id = $1',
    [orderId],
  );
  return Number(rows[0]?.count);
}

describe('orders', () => {
  it('are created with their lines and a computed total', () =>
    inTenant(async (order) => {
      const created = await fixture.orders.create(order('A-1'));
      expect(created).toMatchObject({ number: 'A-1', status: 'draft', total: 2990, version: 1 });
      const read = await fixture.orders.read(created.id);
      expect(read.total).toBe(2990);
      expect(read.lines).toMatchObject(LINES.map((line, position) => ({ ...line, position, orderId: created.id })));
    }));

  it('store the largest amounts exactly', () =>
    inTenant(async (order) => {
      const lines = Array.from({ length: 100 }, () => ({ description: 'x', quantity: 10_000, unitPrice: 999_999_999 }));
      const { id } = await fixture.orders.create(newOrder.parse({ ...order('A-1'), lines }));
      expect((await fixture.orders.read(id)).total).toBe(999_999_999_000_000);
    }));

  it('leave nothing behind when they are rejected', () =>
    inTenant(async (order) => {
      await fixture.orders.create(order('A-1'));
      const refused = fixture.orders.create(order('A-1'));
      expect(await violationOf(refused)).toMatchObject({ code: 'CONFLICT', message: 'another order has this number' });
      expect(await fixture.orders.list(pageQuery.parse({}))).toHaveLength(1);
    }));

  it('leave nothing behind when a line cannot be written', () =>
    inTenant(async (order) => {
      const broken = { ...order('A-1'), lines: [...LINES, { description: 'x', quantity: 0, unitPrice: 1 }] };
      await expect(fixture.orders.create(broken)).rejects.toThrow('order_lines_quantity_check');
      expect(await fixture.orders.list(pageQuery.parse({}))).toEqual([]);
    }));

  it("reject a customer who does not exist, and another tenant's in the same way", () =>
    inTenant(async (order) => {
      const stranger = (await tenantWithCustomer()).order('A-1').customerId;
      for (const customerId of [randomUUID(), stranger]) {
        const violation = await violationOf(fixture.orders.create({ ...order('A-1'), customerId }));
        expect(violation.getResponse()).toEqual({
          ...{
            statusCode: 400,
            code: 'VALIDATION_FAILED',
            message: 'the request is not valid',
            columns: ['customer_id'],
          },
          errors: [{ field: 'customerId', message: 'must be the id of a customer' }],
        });
      }
    }));

  it('are listed with their lines by one statement', () =>
    inTenant(async (order) => {
      for (const number of ['A-1', 'A-2', 'A-3']) await fixture.orders.create(order(number));
      const statements = await fixture.statementsOf(async () => {
        const orders = await fixture.orders.list(pageQuery.parse({ limit: '2' }));
        expect(orders.map(({ lines }) => lines.length)).toEqual([2, 2, 2]);
      });
      expect(statements).toBe(1);
    }));

  it('are paged with their own lines, including orders of the same instant', async () => {
    const dataSource = fixture.dataSource();
    await seedDemo(dataSource); // in one transaction: all orders have the same created_at
    await fixture.as(dataSource, async () => {
      const all = await fixture.orders.list(pageQuery.parse({}));
      const paged: Order[] = [];
      for (let cursor: string | null | undefined; cursor !== null;) {
        const query = pageQuery.parse({ limit: '1', cursor });
        const page = toPage(await fixture.orders.list(query), query, (order: Order) => order);
        paged.push(...page.items);
        cursor = page.nextCursor;
      }
      expect(paged).toEqual(all);
      expect(paged.map(({ lines }) => lines.length).sort()).toEqual([1, 1, 1, 2]);
    });
  });

  it('have their lines replaced, and the total follows', () =>
    inTenant(async (order) => {
      const { id } = await fixture.orders.create(order('A-1'));
      const lines = [{ description: 'Only this', quantity: 3, unitPrice: 5 }];
      const changed = await fixture.orders.change(id, { version: 1, lines });
      expect(changed).toMatchObject({ status: 'draft', total: 15, version: 2 });
      expect(changed.lines).toHaveLength(1);
      expect(await linesStored(id)).toBe(1);
    }));

  it('keep their lines when only the status changes', () =>
    inTenant(async (order) => {
      const { id } = await fixture.orders.create(order('A-1'));
      const changed = await fixture.orders.change(id, { version: 1, status: 'paid' });
      expect(changed).toMatchObject({ status: 'paid', total: 2990, version: 2 });
      expect(changed.lines).toHaveLength(2);
    }));

  it('accept one of several changes from the same version, as a whole', () =>
    inTenant(async (order) => {
      const { id } = await fixture.orders.create(order('A-1'));
      const changes = [1, 2, 3, 4, 5, 6].map((count) =>
        fixture.orders.change(id, {
          version: 1,
          lines: Array.from({ length: count }, () => ({ description: `of ${count}`, quantity: 1, unitPrice: count })),
        }),
      );
      const outcomes = await Promise.allSettled(changes);
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const { lines, total, version } = await fixture.orders.read(id);
      expect(version).toBe(2);
      expect(total).toBe(lines.length ** 2);
      expect(new Set(lines.map(({ description }) => description)).size).toBe(1);
    }));

  it('of another tenant are absent', async () => {
    const { dataSource, order } = await tenantWithCustomer();
    const { id } = await fixture.as(dataSource, () => fixture.orders.create(order('A-1')));
    await inTenant(async () => {
      await expect(fixture.orders.read(id)).rejects.toThrow(NotFoundError);
      await expect(fixture.orders.change(id, { version: 1, lines: LINES })).rejects.toThrow(NotFoundError);
      await expect(fixture.orders.delete(id)).rejects.toThrow(NotFoundError);
    });
    expect(await linesStored(id)).toBe(2);
  });

  it('are deleted with their lines', () =>
    inTenant(async (order) => {
      const { id } = await fixture.orders.create(order('A-1'));
      await fixture.orders.delete(id);
      expect(await linesStored(id)).toBe(0);
    }));

  it('are summed by status and currency, for this tenant only', async () => {
    await inTenant(async (order) => void (await fixture.orders.create(order('other tenant'))));
    await inTenant(async (order) => {
      await fixture.orders.create(order('A-1'));
      await fixture.orders.create(order('A-2'));
      await fixture.orders.create({ ...order('A-3'), currency: 'USD', status: 'paid' });
      expect(await fixture.orders.summary()).toEqual({
        items: [
          { status: 'draft', currency: 'EUR', count: 2, total: 5980 },
          { status: 'paid', currency: 'USD', count: 1, total: 2990 },
        ],
      });
    });
  });
});

describe('demo orders', () => {
  it('exist once, however often they are seeded', async () => {
    const dataSource = fixture.dataSource();
    await seedDemo(dataSource);
    await seedDemo(dataSource);
    await fixture.as(dataSource, async () => {
      expect(await fixture.customers.list(pageQuery.parse({}))).toHaveLength(3);
      expect((await fixture.orders.list(pageQuery.parse({}))).map(({ number }) => number).sort()).toEqual([
        'A-1001',
        'A-1002',
        'A-1003',
        'A-1004',
      ]);
    });
  });

  it('match the examples of the API documentation', async () => {
    const dataSource = fixture.dataSource();
    await seedDemo(dataSource);
    const example = <T extends z.ZodType>(schema: T): z.infer<T> => schema.parse(schema.meta()?.['example']);
    await fixture.as(dataSource, async () => {
      await fixture.customers.create(example(newCustomer));
      await fixture.customers.change(EXAMPLE_CUSTOMER_ID, example(customerChange));
      await fixture.orders.create(example(newOrder));
      await fixture.orders.change(EXAMPLE_ORDER_ID, example(orderChange));
    });
  });
});
