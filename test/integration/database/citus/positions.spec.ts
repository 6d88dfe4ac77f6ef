import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CallPositions } from '../../../../src/database/statements/positions/call-positions.js';
import type { WalPosition } from '../../../../src/database/statements/positions/wal-position.js';
import { createStamp } from '../../../../src/database/statements/stamps/stamp.js';
import type { TenantAccess } from '../../../../src/database/statements/tenant-access.js';
import { SessionLease } from '../../../../src/database/transactions/session-lease.js';
import { StampedClient } from '../../../../src/database/transactions/stamped-client.js';
import { runInContext } from '../../../../src/platform/context.js';
import { StampBlindServer } from '../../../support/citus/stamp-blind-server.js';
import { accessTo, TestPool } from '../../../support/pool/test-pool.js';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { createNotesDatabase, tenantIn } from '../../../support/statements/notes-database.js';

const INSERT = 'INSERT INTO notes (body) VALUES (gen_random_uuid())';

describe('in a database with Citus, where the tenant’s server has replicas', () => {
  const { id, schema } = tenantIn('shared');
  let database: TenantDatabase;
  let proxy: StampBlindServer;
  let pool: TestPool;
  let positions: CallPositions;

  beforeAll(async () => {
    database = await createNotesDatabase(schema);
    await database.admin(`ALTER DATABASE ${database.name} SET track_activities = off`);
    proxy = await StampBlindServer.start();
    pool = new TestPool(proxy.through(database.target), { size: 1 });
    await pool.warmUp();
  });

  beforeEach(() => {
    positions = new CallPositions(id);
    proxy.takeWrites();
  });

  afterAll(async () => {
    await pool.end();
    await proxy.close();
    await database.drop();
  });

  const access = (): TenantAccess => accessTo(pool, createStamp(id, schema, { serverId: 'test' }));
  const client = (): StampedClient => new StampedClient(access());
  const inCall = <T>(work: () => Promise<T>): Promise<T> => runInContext({ positions }, work);
  const writtenAt = (): bigint => (positions.required as WalPosition).lsn;

  it('a write asks for the position behind its COMMIT, in the same write', async () => {
    await inCall(() => client().query(INSERT));
    expect(proxy.takeWrites()).toEqual([`${'PBE'.repeat(5)}PBDESPBESPBES`]);
    expect(writtenAt()).toBeGreaterThan(0n);
  });

  it('a write that fails, or whose COMMIT fails, has no position', async () => {
    for (const values of ['(NULL, NULL)', `('orphan', -1)`]) {
      const write = inCall(() => client().query(`INSERT INTO notes (body, parent) VALUES ${values}`));
      await expect(write).rejects.toMatchObject({ code: expect.stringMatching(/^23/) });
    }
    expect(positions.required).toBeUndefined();
  });

  it.each([
    ['a write whose connection is lost in front of the answer to its COMMIT fails', 1, 'rejected'],
    ['a write whose connection is lost behind that succeeds', 2, 'fulfilled'],
  ])('%s, at a position that is not known', async (_title, readies, status) => {
    await client().query('SELECT 1'); // on a connection that is open already
    proxy.passReadies(readies);
    const write = Promise.allSettled([inCall(() => client().query(INSERT))]);
    await proxy.somethingHeldBack();
    proxy.cut();
    expect(await write).toMatchObject([{ status }]);
    expect(positions.required).toBe('unknown');
  });

  it('a session remembers where its transaction has written', () =>
    inCall(() =>
      SessionLease.run(access(), async (session) => {
        await session.query('BEGIN');
        await session.query('SET TRANSACTION ISOLATION LEVEL SERIALIZABLE');
        await session.query(INSERT);
        expect(positions.required).toBeUndefined();
        await session.query('COMMIT');
        expect(writtenAt()).toBeGreaterThan(0n);
      }),
    ));
});
