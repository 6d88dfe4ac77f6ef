import { expect, it } from '@jest/globals';
import { ServerBudget } from '../../../../src/database/budget/server-budget.js';
import { DirectSlots } from '../../../../src/database/pool/direct-fallback.js';

const MAX_WAITING = 1_000;

it('a slot for a direct connection is refused at once when a thousand callers wait for one already', async () => {
  const slots = new DirectSlots(1);
  const budget = new ServerBudget(1);
  const leaving = new AbortController();
  expect(await slots.acquire(budget, { timeoutMs: 60_000 })).toBe(true);
  const waiting = Array.from({ length: MAX_WAITING }, () =>
    slots.acquire(budget, { timeoutMs: 60_000, signal: leaving.signal }).catch(() => 'left'),
  );
  const further = slots.acquire(budget, { timeoutMs: 60_000, signal: leaving.signal }).catch(() => 'left');
  const turn = new Promise((resolve) => void setImmediate(resolve, 'waits'));
  expect(await Promise.race([further, turn])).toBe(false);
  leaving.abort();
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(['left']));
});
