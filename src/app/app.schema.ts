import type { TenantSchema } from '../database/table-migrations/tenant-schema.js';
import { Customer } from './customers/customer.entity.js';
import { CreateCustomers1764000000000 } from './migrations/1764000000000-create-customers.js';
import { CreateOrders1764000001000 } from './migrations/1764000001000-create-orders.js';
import { Order } from './orders/order.entity.js';
import { OrderLine } from './orders/order-line.entity.js';

/** The sample application's tables. Tenants have only the tables listed here. */
export const appSchema: TenantSchema = {
  entities: [Customer, Order, OrderLine],
  migrations: [CreateCustomers1764000000000, CreateOrders1764000001000],
  seedDemo: async (dataSource) => (await import('./demo/seed-demo.js')).seedDemo(dataSource),
};
