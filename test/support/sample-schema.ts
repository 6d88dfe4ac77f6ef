import { Country } from '../../src/app/countries/country.entity.js';
import { Customer } from '../../src/app/customers/customer.entity.js';
import { CreateCustomers1764000000000 } from '../../src/app/migrations/1764000000000-create-customers.js';
import { CreateOrders1764000001000 } from '../../src/app/migrations/1764000001000-create-orders.js';
import { CreateCountries1764000002000 } from '../../src/app/migrations/1764000002000-create-countries.js';
import { orderSettings } from '../../src/app/orders/order-settings.js';
import { Order } from '../../src/app/orders/order.entity.js';
import { OrderLine } from '../../src/app/orders/order-line.entity.js';
import type { TenantSchema } from '../../src/database/table-migrations/tenant-schema/tenant-schema.js';

/** The tables of the sample application, as its modules' features add up to. */
export const sampleSchema: TenantSchema = {
  entities: [Customer, Order, OrderLine],
  referenceEntities: [Country],
  migrations: [CreateCustomers1764000000000, CreateOrders1764000001000, CreateCountries1764000002000],
  settings: orderSettings,
  featureFlags: { orderSummary: true },
  constraints: {
    customers_country_fkey: { invalid: 'must be the code of a country' },
    customers_email_key: 'another customer has this email',
    orders_number_key: 'another order has this number',
    orders_customer_id_fkey: { conflict: 'the customer has orders', invalid: 'must be the id of a customer' },
  },
};
