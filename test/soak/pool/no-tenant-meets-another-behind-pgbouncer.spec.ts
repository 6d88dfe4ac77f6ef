import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { noTenantMeetsAnotherContract } from '../../contracts/no-tenant-meets-another.js';
import { PgBouncer } from '../../support/postgres/pgbouncer.js';
import type { TestPool } from '../../support/pool/test-pool.js';
import { LEFTOVERS, NOTHING_LEFT } from '../../support/statements/notes-database.js';

const BACKENDS = 3;

let pooler: PgBouncer;

beforeAll(async () => {
  pooler = await PgBouncer.start({ poolSize: BACKENDS });
});

afterAll(() => pooler.stop());

/** PgBouncer sets for the client it serves what it keeps apart for them. */
const LEFT = `
  SELECT pg_backend_pid() AS pid, l.*,
         (SELECT array_agg(name) FROM pg_settings WHERE source = 'session' AND name NOT LIKE 'transaction%') AS names
  FROM (${LEFTOVERS}) l`;

/** What PgBouncer's own connections carry on: a transaction on each keeps them apart while they are looked at. */
async function leftoversOfBackends(pool: TestPool): Promise<Record<string, unknown>[]> {
  const connections = await Promise.all(Array.from({ length: BACKENDS }, () => pool.acquire()));
  try {
    for (const { client } of connections) await client.query('BEGIN');
    const found: Record<string, unknown>[] = [];
    for (const { client } of connections) {
      const { rows } = await client.query<Record<string, unknown>>(LEFT);
      found.push({ ...rows[0] });
    }
    return found;
  } finally {
    for (const { client } of connections) await client.query('ROLLBACK');
    for (const connection of connections) connection.release();
  }
}

describe('through PgBouncer in transaction mode', () => {
  noTenantMeetsAnotherContract({
    through: (target) => pooler.through(target),
    poolSize: 3 * BACKENDS,
    deaths: ['08P01'], // what it says to its client when PostgreSQL's end of the connection is gone
    expectNothingLeft: async (pool) => {
      const { status: _status, ...nothing } = NOTHING_LEFT;
      const found = await leftoversOfBackends(pool);
      expect(new Set(found.map(({ pid }) => pid)).size).toBe(BACKENDS);
      expect(found).toEqual(found.map(({ pid }) => ({ pid, ...nothing, settings: 1, names: ['application_name'] })));
    },
  });
});
