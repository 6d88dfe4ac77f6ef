import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { CallPositions } from '../../../../src/database/statements/positions/call-positions.js';
import type { WalPosition } from '../../../../src/database/statements/positions/wal-position.js';
import { createStamp } from '../../../../src/database/statements/stamps/stamp.js';
import { SessionLease } from '../../../../src/database/transactions/session-lease.js';
import { runInContext } from '../../../../src/platform/context.js';
import { accessTo, type TestPool } from '../../../support/pool/test-pool.js';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { createNotesDatabase, openPool, tenantIn } from '../../../support/statements/notes-database.js';

const { id, schema } = tenantIn('shared');
const INSERT = 'INSERT INTO notes (body) VALUES (gen_random_uuid())';
let database: TenantDatabase;
let pool: TestPool;
let positions: CallPositions;

beforeAll(async () => {
  database = await createNotesDatabase(schema);
  pool = openPool('pooled', database.target);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});
beforeEach(() => void (positions = new CallPositions(id)));

/** In a call that remembers where it has written, as where the tenant's server has replicas. */
function session(work: (session: SessionLease) => Promise<void>): Promise<void> {
  const access = accessTo(pool, createStamp(id, schema, { serverId: 'test' }));
  return runInContext({ positions }, () => SessionLease.run(access, work));
}

function writtenAt(): bigint {
  return (positions.required as WalPosition).lsn;
}

it('a session remembers where it has written once that has taken effect: behind its statement, or behind COMMIT', () =>
  session(async (own) => {
    await own.query(INSERT);
    const alone = writtenAt();
    for (const text of ['BEGIN', INSERT, 'SAVEPOINT one', INSERT, 'RELEASE SAVEPOINT one']) {
      await own.query(text);
      expect(writtenAt()).toBe(alone);
    }
    await own.query('COMMIT');
    expect(writtenAt()).toBeGreaterThan(alone);
  }));

it('the modes of a transaction of a session may be set behind BEGIN', () =>
  session(async (own) => {
    await own.query('BEGIN');
    await own.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    expect((await own.query('SHOW transaction_isolation')).rows).toEqual([
      { transaction_isolation: 'repeatable read' },
    ]);
  }));

it('a transaction of a session sees what was committed between BEGIN and its first query', () =>
  session(async (own) => {
    await own.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await database.admin(`INSERT INTO ${schema}.notes (tenant_id, body) VALUES ('${id}', 'committed meanwhile')`);
    const { rows } = await own.query("SELECT body FROM notes WHERE body = 'committed meanwhile'");
    expect(rows).toHaveLength(1);
  }));
