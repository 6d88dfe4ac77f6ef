import { expect, it } from '@jest/globals';
import { ServerBudget } from '../../../../src/database/budget/server-budget.js';
import { SlotQueue } from '../../../../src/database/budget/slot-queue.js';

it('connections that ask get slots in their order, as earlier ones are given back', async () => {
  const queue = new SlotQueue(new ServerBudget(10).reserve({ kept: 1, max: 2 }));
  const order: number[] = [];
  const asked = [1, 2, 3, 4].map((n) => queue.acquire(10_000).then(() => order.push(n)));
  await asked[1];
  expect(order).toEqual([1, 2]);
  queue.release();
  await asked[2];
  queue.release();
  await asked[3];
  expect(order).toEqual([1, 2, 3, 4]);
});

it('a connection that waits for too long fails as if connecting had, and leaves the slot to pools', async () => {
  const budget = new ServerBudget(1);
  const queue = new SlotQueue(budget.reserve({ kept: 0, max: 2 }));
  budget.tryAcquire();
  const waited = queue.acquire(20);
  await expect(waited).rejects.toThrow(/^timeout exceeded when trying to connect/);
  budget.release();
  expect(budget.tryAcquire()).toBe(true);
});

it('where only a renewal frees a slot it is not waited for long: the connection may be that of the renewal', async () => {
  const budget = new ServerBudget(10);
  const queue = new SlotQueue(budget.reserve({ kept: 1, max: 2 }));
  budget.expireAt(-Infinity);
  await queue.acquire(60_000);
  await expect(queue.acquire(60_000)).rejects.toThrow(/^timeout exceeded when trying to connect/);
  budget.expireAt(Infinity);
  await queue.acquire(60_000);
});
