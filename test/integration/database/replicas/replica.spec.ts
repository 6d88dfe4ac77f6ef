import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { ServerBudget } from '../../../../src/database/budget/server-budget.js';
import { SlotQueue } from '../../../../src/database/budget/slot-queue.js';
import { targetOfUrl } from '../../../../src/database/connection/connection-target.js';
import { PrimaryHistory } from '../../../../src/database/replicas/primary-history.js';
import { Replica } from '../../../../src/database/replicas/replica.js';
import { POOL_OPTIONS } from '../../../support/pool/test-pool.js';

let replica: Replica;

beforeEach(() => {
  const slots = new SlotQueue(new ServerBudget(10).reserve({ kept: 1, max: 1 }));
  replica = new Replica('a replica', POOL_OPTIONS, slots, { log: () => undefined, warn: () => undefined });
});

afterEach(() => replica.close());

it('a replica that is not in use any more is not reported as away', async () => {
  await replica.ask(targetOfUrl('postgres://role:password@127.0.0.1:1/database', 'server'), new PrimaryHistory());
  expect([replica.isInUse, replica.problem]).toEqual([true, expect.stringContaining('ECONNREFUSED')]);
  await replica.close();
  expect([replica.isInUse, replica.problem]).toEqual([false, undefined]);
});
