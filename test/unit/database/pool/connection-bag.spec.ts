import { beforeEach, describe, expect, it } from '@jest/globals';
import { ServerBudget } from '../../../../src/database/budget/server-budget.js';
import type { PhysicalConnection } from '../../../../src/database/connection/physical-connection.js';
import { roundTripTo } from '../../../../src/database/connection/round-trip.js';
import { ConnectionBag } from '../../../../src/database/pool/connection-bag.js';
import { PoolEntry } from '../../../../src/database/pool/pool-entry.js';
import { PoolStatistics } from '../../../../src/database/pool/pool-statistics.js';

const NOW = 10_000;

let destroyed: PoolEntry[];
beforeEach(() => {
  destroyed = [];
});

function emptyBag(): ConnectionBag {
  return new ConnectionBag({
    budget: new ServerBudget(10),
    statistics: new PoolStatistics(),
    roundTrip: roundTripTo({ host: 'bag.test', port: 5432 }),
    onSlotFreed: () => undefined,
  });
}

/** Adds an idle connection. */
function open(bag: ConnectionBag, lastAliveAt: number): Promise<PoolEntry> {
  const connection = {
    close: () => undefined,
    destroyNow: () => destroyed.push(entry),
    closed: new Promise<void>(() => undefined),
  };
  const entry = new PoolEntry(connection as unknown as PhysicalConnection, lastAliveAt);
  return bag.open(() => Promise.resolve(entry));
}

describe('a connection that does not answer its validation', () => {
  it('is closed together with those that have been idle for at least as long', async () => {
    const bag = emptyBag();
    await open(bag, NOW - 3_000);
    await open(bag, NOW - 2_000);
    const suspect = bag.takeToValidate() as PoolEntry;
    const recent = await open(bag, NOW);
    bag.retireUnanswering(suspect);
    expect(bag.idle).toEqual([recent]);
    expect(bag.validating).toBe(0);
  });

  it('closes no other one when it was lost meanwhile: the idle ones are validated', async () => {
    const bag = emptyBag();
    await open(bag, NOW - 2_000);
    const lost = bag.takeToValidate() as PoolEntry;
    const recent = await open(bag, NOW);
    bag.retire(lost, 'lost');
    bag.requireValidation();
    bag.retireUnanswering(lost); // its query has failed with the connection
    expect(bag.idle).toEqual([recent]);
    expect(bag.find(false, NOW)).toBeUndefined();
    expect(bag.validating).toBe(0);
  });
});

it('connections are destroyed whether they are held, shared, idle or being validated', async () => {
  const bag = emptyBag();
  const entries = [];
  for (let count = 0; count < 4; count += 1) entries.push(await open(bag, NOW));
  const [held, shared, , validating] = entries as [PoolEntry, PoolEntry, PoolEntry, PoolEntry];
  bag.take(held);
  bag.share(shared, NOW);
  expect(bag.takeToValidate()).toBe(validating);
  bag.destroyAll();
  expect(new Set(destroyed)).toEqual(new Set(entries));
  expect([bag.isEmpty, bag.busy, bag.validating, bag.total]).toEqual([true, 0, 0, 4]); // until they are closed
  bag.retireUnanswering(validating);
  expect(bag.validating).toBe(0);
});
