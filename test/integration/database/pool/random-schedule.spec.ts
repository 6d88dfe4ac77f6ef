import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Backends } from '../../../support/postgres/backends.js';
import { RandomSchedule } from '../../../support/pool/random-schedule.js';
import { createTenantDatabase, type TenantDatabase } from '../../../support/postgres/tenant-database.js';

let databases: TenantDatabase[];
let backends: Backends;

beforeAll(async () => {
  databases = [await createTenantDatabase(), await createTenantDatabase()];
  backends = await Backends.of(...databases.map(({ role }) => role));
});

afterAll(async () => {
  await backends.close();
  for (const database of databases) await database.drop();
});

/** test/soak runs 10,000 steps of it. */
it("a random schedule of 1,000 steps keeps the pool's counters correct", async () => {
  const tally = await new RandomSchedule(1, databases, backends).run(1_000);
  // It did what it is for.
  const { served, timedOut, busy, cancelled, killed } = tally;
  expect(Math.min(served, timedOut, busy, cancelled, killed)).toBeGreaterThan(5);
});
