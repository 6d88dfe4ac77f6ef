import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { GATE_CLOSED, SessionRefusedError } from '../../../../src/database/gates/closed-gate.js';
import { ensureGateObjects } from '../../../../src/database/gates/gate-objects.js';
import { TenantGate } from '../../../../src/database/gates/tenant-gate.js';
import { createStamp, isReplicaBehind, type Stamp } from '../../../../src/database/statements/stamps/stamp.js';
import { SessionLease } from '../../../../src/database/transactions/session-lease.js';
import { StampedClient } from '../../../../src/database/transactions/stamped-client.js';
import { StampBlindServer } from '../../../support/citus/stamp-blind-server.js';
import { accessTo, TestPool } from '../../../support/pool/test-pool.js';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { createNotesDatabase, tenantIn } from '../../../support/statements/notes-database.js';

const SELECT = 'SELECT body FROM notes';
const INSERT = `INSERT INTO notes (body) VALUES ('late')`;

describe('in a database with Citus, a tenant that moves', () => {
  const { id, schema } = tenantIn('shared');
  const stamp = createStamp(id, schema, { isGated: true });
  const readOnly = { ...stamp, isReadOnly: true };
  let database: TenantDatabase;
  let proxy: StampBlindServer;
  let pool: TestPool;
  let owner: pg.Client;
  let gate: TenantGate;

  beforeAll(async () => {
    database = await createNotesDatabase(schema);
    await database.admin(`ALTER DATABASE ${database.name} SET track_activities = off`);
    await database.admin(`INSERT INTO ${schema}.notes (tenant_id, body) VALUES ('${id}', 'mine')`);
    proxy = await StampBlindServer.start();
    pool = new TestPool(proxy.through(database.target), { size: 2 });
    owner = new pg.Client({ connectionString: database.url });
    await owner.connect();
    await ensureGateObjects(owner);
    gate = new TenantGate(owner, id, schema);
  });

  beforeEach(() => gate.set('open'));
  afterEach(() => gate.remove());

  afterAll(async () => {
    await owner.end();
    await pool.end();
    await proxy.close();
    await database.drop();
  });

  const clientWith = (of: Stamp): StampedClient => new StampedClient(accessTo(pool, of));
  const bodies = async (): Promise<unknown> =>
    (await database.admin(`SELECT body FROM ${schema}.notes`)).map(Object.values).flat();

  it('has no session opened behind a closed gate, and the refusal says so', async () => {
    await gate.set('closed');
    let hasRun = false;
    const refused = SessionLease.run(accessTo(pool, stamp), async () => void (hasRun = true));
    await expect(refused).rejects.toBeInstanceOf(SessionRefusedError);
    expect(hasRun).toBe(false);
  });

  it('has its session hold the gate', () =>
    SessionLease.run(accessTo(pool, stamp), async (session) => {
      expect((await session.query(SELECT)).rows).toEqual([{ body: 'mine' }]);
      expect(await gate.tryLock(100)).toBe(false);
    }));

  it('is read, and not written, under a read-only stamp while the gate is open', async () => {
    const client = clientWith(readOnly);
    expect((await client.query(SELECT)).rows).toEqual([{ body: 'mine' }]);
    await expect(client.query(INSERT)).rejects.toMatchObject({ code: '25006' });
    await client.query('BEGIN');
    expect((await client.query(SELECT)).rows).toEqual([{ body: 'mine' }]);
    expect(await gate.tryLock(100)).toBe(true); // a move does not wait for what only reads
    await gate.unlock();
    await expect(client.query(INSERT)).rejects.toMatchObject({ code: '25006' });
    await client.query('ROLLBACK');
    expect(await bodies()).toEqual(['mine']);
  });

  it('is not read under a read-only stamp behind a closed gate, in a statement or a transaction', async () => {
    await gate.set('closed');
    const client = clientWith(readOnly);
    await expect(client.query(SELECT)).rejects.toMatchObject({ code: GATE_CLOSED });
    await client.query('BEGIN');
    await expect(client.query(SELECT)).rejects.toMatchObject({ code: GATE_CLOSED });
    await client.query('ROLLBACK');
  });

  it('is not read where its position has not been replayed, which is asked in front of the gate', async () => {
    await gate.set('closed');
    const refusal = await clientWith({ ...readOnly, replayed: '0/0' })
      .query(SELECT)
      .catch((error: unknown) => error);
    expect([isReplicaBehind(refusal), await bodies()]).toEqual([true, ['mine']]);
  });
});
