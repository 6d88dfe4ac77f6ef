import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { ServerBudget } from '../../../../src/database/budget/server-budget.js';
import { SlotQueue } from '../../../../src/database/budget/slot-queue.js';
import { targetOfUrl } from '../../../../src/database/connection/connection-target.js';
import { PrimaryHistory } from '../../../../src/database/replicas/primary-history.js';
import { Replica } from '../../../../src/database/replicas/replica.js';
import { parsePosition, POSITION_SQL } from '../../../../src/database/statements/positions/wal-position.js';
import { POOL_OPTIONS } from '../../../support/pool/test-pool.js';
import { createTestDatabase } from '../../../support/postgres/postgres.js';

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

it('a server that accepts writes is not read as a replica, whatever its timeline', async () => {
  const database = await createTestDatabase();
  try {
    const primary = new PrimaryHistory();
    const [asked] = await database.admin<{ position: string; system: string }>(
      `SELECT p.position, s.system_identifier::text AS system FROM (${POSITION_SQL}) AS p, pg_control_system() AS s`,
    );
    primary.add(performance.now(), { system: asked!.system, ...parsePosition('', asked!.position)! });
    await replica.ask(targetOfUrl(database.url, 'server'), primary);
    expect([replica.problem, replica.unfit(primary, -Infinity)]).toEqual([undefined, 'away']);
    await replica.close();
  } finally {
    await database.drop();
  }
});
