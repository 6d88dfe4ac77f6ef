import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConflictError, NotFoundError } from '../../../../src/platform/errors/request.errors.js';
import { newCustomer } from '../../../../src/app/customers/customer.schemas.js';
import { OrdersFixture, violationOf } from '../../../support/orders/orders-fixture.js';

let fixture: OrdersFixture;

beforeAll(async () => {
  fixture = await OrdersFixture.create();
});
afterAll(() => fixture.close());

const ada = newCustomer.parse({ email: 'Ada@Example.com', name: ' Ada ' });

describe('customers', () => {
  it('are stored with normalised fields', async () => {
    await fixture.as(fixture.dataSource(), async () => {
      const created = await fixture.customers.create(ada);
      expect(created).toMatchObject({ email: 'ada@example.com', name: 'Ada', version: 1 });
      expect(await fixture.customers.read(created.id)).toEqual(created);
    });
  });

  it('have unique emails per tenant, and a conflict reveals nothing of the other row', async () => {
    const one = fixture.dataSource();
    await fixture.as(one, () => fixture.customers.create(ada));
    await fixture.as(fixture.dataSource(), () => fixture.customers.create(ada));
    const refused = fixture.as(one, () => fixture.customers.create(ada));
    const violation = await violationOf(refused);
    expect(violation.getResponse()).toEqual({
      ...{ statusCode: 409, code: 'CONFLICT', message: 'another customer has this email', columns: ['email'] },
    });
  });

  it('cannot be given an email that is taken', async () => {
    await fixture.as(fixture.dataSource(), async () => {
      await fixture.customers.create(ada);
      const { id } = await fixture.customers.create({ email: 'grace@example.com', name: 'Grace' });
      const refused = fixture.customers.change(id, { version: 1, email: ada.email });
      expect(await violationOf(refused)).toMatchObject({ code: 'CONFLICT', columns: ['email'] });
    });
  });

  it('accept one of several changes from the same version', async () => {
    await fixture.as(fixture.dataSource(), async () => {
      const { id } = await fixture.customers.create(ada);
      const names = Array.from({ length: 8 }, (_, n) => `name ${n}`);
      const outcomes = await Promise.allSettled(
        names.map((name) => fixture.customers.change(id, { version: 1, name })),
      );
      const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
      expect(refused).toHaveLength(7);
      for (const { reason } of refused) expect(reason).toBeInstanceOf(ConflictError);
      expect((await fixture.customers.read(id)).version).toBe(2);
    });
  });

  it('change only in the fields given, and in updatedAt', async () => {
    await fixture.as(fixture.dataSource(), async () => {
      const created = await fixture.customers.create(ada);
      const changed = await fixture.customers.change(created.id, { version: 1, name: 'Ada King' });
      expect(changed).toMatchObject({
        email: created.email,
        name: 'Ada King',
        version: 2,
        createdAt: created.createdAt,
      });
      expect(changed.updatedAt.getTime()).toBeGreaterThanOrEqual(created.updatedAt.getTime());
    });
  });

  it('of another tenant are absent', async () => {
    const { id } = await fixture.as(fixture.dataSource(), () => fixture.customers.create(ada));
    const stranger = fixture.dataSource();
    await fixture.as(stranger, async () => {
      await expect(fixture.customers.read(id)).rejects.toThrow(NotFoundError);
      await expect(fixture.customers.change(id, { version: 1, name: 'x' })).rejects.toThrow(NotFoundError);
      await expect(fixture.customers.delete(id)).rejects.toThrow(NotFoundError);
    });
  });

  it('can be deleted only without orders', async () => {
    await fixture.as(fixture.dataSource(), async () => {
      const { id } = await fixture.customers.create(ada);
      const order = await fixture.orders.create({
        number: 'A-1',
        customerId: id,
        status: 'draft',
        currency: 'EUR',
        lines: [{ description: 'x', quantity: 1, unitPrice: 1 }],
      });
      expect(await violationOf(fixture.customers.delete(id))).toMatchObject({
        ...{ code: 'CONFLICT', message: 'the customer has orders', columns: ['customer_id'] },
      });
      await fixture.orders.delete(order.id);
      await fixture.customers.delete(id);
      await expect(fixture.customers.delete(id)).rejects.toThrow(NotFoundError);
    });
  });

  it('are not found by an unknown id', async () => {
    await fixture.as(fixture.dataSource(), async () => {
      await expect(fixture.customers.read(randomUUID())).rejects.toThrow(new NotFoundError('customer'));
    });
  });
});
