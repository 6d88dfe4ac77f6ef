import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { clientConfig } from '../../../../src/database/connection/client-config.js';
import { assertRoleIsSubjectToPolicies } from '../../../../src/database/connection/role-check.js';
import { createStamp } from '../../../../src/database/statements/stamps/stamp.js';
import { StampedClient } from '../../../../src/database/transactions/stamped-client.js';
import { soon } from '../../../support/load/soon.js';
import { accessTo, POOL_OPTIONS, TestPool } from '../../../support/pool/test-pool.js';
import { asSuperuser } from '../../../support/postgres/postgres.js';
import {
  createTenantDatabase,
  TENANT_COLUMN,
  type TenantDatabase,
  tenantPolicy,
} from '../../../support/postgres/tenant-database.js';
import { WireTap } from '../../../support/statements/wire-tap.js';

/**
 * Behind the startup packet: the two messages of a SCRAM login, the check of the role, and in one write the stamped statement,
 * now and then with a `Sync` in front, which measures the round trip.
 */
const FIRST_READ = /^ppQS?PBEPBDES$/;

let database: TenantDatabase;

beforeAll(async () => {
  database = await createTenantDatabase();
  await database.define('app', `CREATE TABLE notes (${TENANT_COLUMN}, body text); ${tenantPolicy('notes')}`);
});

afterAll(() => database.drop());

it.each([false, true])(
  'the first read on a new pool sends one statement besides itself (shared: %s)',
  async (shared) => {
    const tap = await WireTap.before(database.target);
    const pool = new TestPool(tap.through({ ...database.target, shared }));
    try {
      await new StampedClient(accessTo(pool, createStamp(randomUUID(), 'app'))).query('SELECT body FROM notes');
      expect(tap.take()).toMatch(FIRST_READ);
    } finally {
      await pool.end();
      await tap.close();
    }
  },
);

it("the check of an ordinary role in a tenant's own database reads far fewer pages than a full check", async () => {
  const login = await fewestPagesRead('login only');
  const own = await fewestPagesRead('own database');
  const shared = await fewestPagesRead('shared database');
  expect(shared).toBeGreaterThan(login);
  expect((own - login) / (shared - login)).toBeLessThan(0.6);
});

type Check = 'login only' | 'own database' | 'shared database';

/** Of several backends, because autovacuum may read the database as well. */
async function fewestPagesRead(check: Check): Promise<number> {
  const counts: number[] = [];
  while (counts.length < 3) counts.push(await pagesRead(check));
  return Math.min(...counts);
}

/** The pages that a new backend reads in the database until it is closed again. */
async function pagesRead(check: Check): Promise<number> {
  const before = await pagesReadSoFar();
  const client = new pg.Client(clientConfig(database.target, POOL_OPTIONS));
  await client.connect();
  if (check !== 'login only') {
    const target = { ...database.target, shared: check === 'shared database' };
    await assertRoleIsSubjectToPolicies(client, target, { timeoutMs: 5_000, trustedFunctions: [] });
  }
  await client.end();
  const sessions = 'SELECT FROM pg_stat_activity WHERE datname = $1';
  await soon(async () => expect(await asSuperuser('postgres', sessions, [database.name])).toEqual([]));
  return (await pagesReadSoFar()) - before;
}

async function pagesReadSoFar(): Promise<number> {
  const [row] = await asSuperuser<{ pages: number }>(
    'postgres',
    'SELECT (blks_hit + blks_read)::int AS pages FROM pg_stat_database WHERE datname = $1',
    [database.name],
  );
  return row?.pages ?? NaN;
}
