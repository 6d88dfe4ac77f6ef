import { describe, expect, it } from '@jest/globals';
import { customerChange, newCustomer } from '../../../../src/app/customers/customer.schemas.js';
import { newOrder, orderChange } from '../../../../src/app/orders/order.schemas.js';

const customer = { email: 'ada@example.com', name: 'Ada' };
const line = { description: 'Gear', quantity: 1, unitPrice: 0 };
const order = {
  number: 'A-1',
  customerId: '0b5f6c1e-6f0a-4c39-9d0e-2a4f8a1c7d11',
  currency: 'EUR',
  lines: [line],
};

describe('the request body schemas', () => {
  it('normalise the email address and the name of a customer', () => {
    expect(newCustomer.parse({ email: 'ADA@Example.COM', name: '  Ada ' })).toEqual(customer);
  });

  it('default the status of an order to draft', () => {
    expect(newOrder.parse(order)).toEqual({ ...order, status: 'draft' });
  });

  it('accept the examples they document', () => {
    for (const schema of [newCustomer, customerChange, newOrder, orderChange]) {
      expect(schema.safeParse(schema.meta()?.['example']).error).toBeUndefined();
    }
  });

  it('accept any complete Unicode character in a customer name', () => {
    expect(newCustomer.parse({ ...customer, name: 'Ада 👩‍💻' }).name).toBe('Ада 👩‍💻');
  });

  const rejected = {
    'no email': [newCustomer, { ...customer, email: 'ada' }, 'email'],
    'an email that is too long': [newCustomer, { ...customer, email: `${'a'.repeat(250)}@example.com` }, 'email'],
    'an empty name': [newCustomer, { ...customer, name: '   ' }, 'name'],
    'a name that is too long': [newCustomer, { ...customer, name: 'x'.repeat(201) }, 'name'],
    'a name with NUL': [newCustomer, { ...customer, name: 'a\0b' }, 'name'],
    'half a surrogate pair': [newCustomer, { ...customer, name: '\ud83d' }, 'name'],
    'an unknown field': [newCustomer, { ...customer, tenantId: 'x' }, ''],
    'a change without version': [customerChange, { name: 'Ada' }, 'version'],
    'a version beyond an integer': [orderChange, { version: 2_147_483_648 }, 'version'],
    'a customer id that is no uuid': [newOrder, { ...order, customerId: '1' }, 'customerId'],
    'an unknown status': [newOrder, { ...order, status: 'lost' }, 'status'],
    'a currency in lower case': [newOrder, { ...order, currency: 'eur' }, 'currency'],
    'a total from the caller': [newOrder, { ...order, total: 1 }, ''],
    'no lines': [newOrder, { ...order, lines: [] }, 'lines'],
    'too many lines': [newOrder, { ...order, lines: Array.from({ length: 101 }, () => line) }, 'lines'],
    'a quantity of zero': [newOrder, { ...order, lines: [{ ...line, quantity: 0 }] }, 'lines.0.quantity'],
    'a fraction of a cent': [newOrder, { ...order, lines: [{ ...line, unitPrice: 0.5 }] }, 'lines.0.unitPrice'],
    'a negative price': [newOrder, { ...order, lines: [{ ...line, unitPrice: -1 }] }, 'lines.0.unitPrice'],
    'an unknown field of a line': [newOrder, { ...order, lines: [{ ...line, id: 1 }] }, 'lines.0'],
  } as const;

  it.each(Object.entries(rejected))('reject %s', (_, [schema, body, field]) => {
    const issues = schema.safeParse(body).error?.issues;
    expect(issues?.map(({ path }) => path.join('.'))).toEqual([field]);
  });
});
