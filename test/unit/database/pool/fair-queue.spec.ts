import { expect, it } from '@jest/globals';
import { FairQueue, type Waiter } from '../../../../src/database/pool/fair-queue.js';

const SHARE = { maxConcurrent: 10, maxQueued: 100 };

function queueOf(...waiters: readonly (Partial<Waiter> & { readonly allowsSharing: boolean })[]): FairQueue<Waiter> {
  const queue = new FairQueue<Waiter>();
  for (const waiter of waiters) queue.push({ tenantId: 'a', share: SHARE, since: 0, ...waiter });
  return queue;
}

const alone = { allowsSharing: false };
const sharing = { allowsSharing: true };

it('the fair queue needs one connection per group of sharing waiters and one per other waiter', () => {
  expect(queueOf().connectionsNeeded(15, 8)).toBe(0);
  expect(queueOf(sharing).connectionsNeeded(15, 8)).toBe(1);
  expect(queueOf(...Array.from({ length: 8 }, () => sharing)).connectionsNeeded(15, 8)).toBe(1);
  expect(queueOf(...Array.from({ length: 9 }, () => sharing)).connectionsNeeded(15, 8)).toBe(2);
  expect(queueOf(alone, sharing, alone, sharing).connectionsNeeded(15, 8)).toBe(3);
  expect(queueOf(alone, sharing, alone, sharing).connectionsNeeded(15, 1)).toBe(4);
});

it('the fair queue never needs more connections than the limits of the pool and of each tenant allow', () => {
  expect(queueOf(...Array.from({ length: 10 }, () => alone)).connectionsNeeded(3, 8)).toBe(3);
  const share = { maxConcurrent: 2, maxQueued: 100 };
  expect(queueOf(...Array.from({ length: 10 }, () => ({ ...alone, share }))).connectionsNeeded(15, 8)).toBe(2);
  const two = ['a', 'b'].flatMap((tenantId) => Array.from({ length: 10 }, () => ({ ...alone, share, tenantId })));
  expect(queueOf(...two).connectionsNeeded(15, 8)).toBe(4);
});
