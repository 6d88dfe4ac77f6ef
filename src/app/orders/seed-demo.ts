import type { DataSource } from 'typeorm';
import { Customer } from '../customers/customer.entity.js';
import { EXAMPLE_CUSTOMER_ID } from '../customers/customer.schemas.js';
import { EXAMPLE_ORDER_ID } from './order.schemas.js';
import { newOrder } from './new-order.js';
import { Order } from './order.entity.js';
import { OrderLine } from './order-line.entity.js';
import type { NewOrder } from './order.schemas.js';

/** Refers to its customer by email. */
type DemoOrder = Omit<NewOrder, 'customerId'> & { readonly id?: string; readonly email: string };

const CUSTOMERS = [
  { id: EXAMPLE_CUSTOMER_ID, email: 'ada@example.com', name: 'Ada Lovelace' },
  { email: 'grace@example.com', name: 'Grace Hopper' },
  { email: 'alan@example.com', name: 'Alan Turing' },
];

const ORDERS: readonly DemoOrder[] = [
  {
    id: EXAMPLE_ORDER_ID,
    email: 'ada@example.com',
    number: 'A-1001',
    status: 'draft',
    currency: 'EUR',
    lines: [
      { description: 'Punched cards, box of 500', quantity: 2, unitPrice: 1250 },
      { description: 'Delivery', quantity: 1, unitPrice: 490 },
    ],
  },
  {
    email: 'ada@example.com',
    number: 'A-1002',
    status: 'paid',
    currency: 'EUR',
    lines: [{ description: 'Brass gear', quantity: 12, unitPrice: 799 }],
  },
  {
    email: 'grace@example.com',
    number: 'A-1003',
    status: 'shipped',
    currency: 'USD',
    lines: [{ description: 'Nanosecond, 30 cm of wire', quantity: 50, unitPrice: 25 }],
  },
  {
    email: 'alan@example.com',
    number: 'A-1004',
    status: 'cancelled',
    currency: 'GBP',
    lines: [{ description: 'Paper tape, roll', quantity: 3, unitPrice: 340 }],
  },
];

/** Inserts some customers and orders for a demo tenant without any. Atomic, so it can be retried. */
export async function seedDemo(dataSource: DataSource): Promise<void> {
  await dataSource.transaction(async (manager) => {
    if (await manager.existsBy(Customer, {})) return;
    const customers = CUSTOMERS.map((values) => manager.create(Customer, values));
    await manager.insert(Customer, customers);
    const idOf = new Map(customers.map(({ email, id }) => [email, id]));
    for (const { email, ...order } of ORDERS) {
      const inserted = newOrder(manager, { ...order, customerId: idOf.get(email)! });
      await manager.insert(Order, inserted);
      await manager.insert(OrderLine, inserted.lines);
    }
  });
}
