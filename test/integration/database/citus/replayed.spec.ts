import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { GATE_CLOSED } from '../../../../src/database/gates/closed-gate.js';
import { ensureGateObjects } from '../../../../src/database/gates/gate-objects.js';
import { TenantGate } from '../../../../src/database/gates/tenant-gate.js';
import { ensureIsolationFunctions } from '../../../../src/database/isolation/isolation-functions.js';
import { createStamp, isReplicaBehind } from '../../../../src/database/statements/stamps/stamp.js';
import { StampedClient } from '../../../../src/database/transactions/stamped-client.js';
import { StampBlindServer } from '../../../support/citus/stamp-blind-server.js';
import { accessTo, TestPool } from '../../../support/pool/test-pool.js';
import { PrivatePostgres, type Standby } from '../../../support/postgres/private-postgres.js';
import { TENANT_COLUMN, tenantPolicy } from '../../../support/postgres/tenant-database.js';
import { tenantIn, type TestTenant } from '../../../support/statements/notes-database.js';

const EARLY = '0/1';
const LATE = 'FFFFFFFF/0';

describe('a standby of a database with Citus', () => {
  const tenant = tenantIn('shared');
  const moved = tenantIn('shared');
  let primary: PrivatePostgres;
  let standby: Standby;
  let proxy: StampBlindServer;
  let pool: TestPool;

  beforeAll(async () => {
    primary = await PrivatePostgres.start();
    await onPrimary(primary, async (owner) => {
      await ensureIsolationFunctions(owner);
      await ensureGateObjects(owner);
      await owner.query(`CREATE SCHEMA shared; GRANT USAGE ON SCHEMA shared TO app; SET search_path = shared;
        CREATE TABLE notes (${TENANT_COLUMN}, body text); GRANT SELECT, INSERT ON notes TO app; ${tenantPolicy('notes')}`);
      for (const { id } of [tenant, moved])
        await owner.query(`INSERT INTO notes (tenant_id, body) VALUES ('${id}', 'of ${id}')`);
      await new TenantGate(owner, tenant.id, 'shared').set('open');
      await new TenantGate(owner, moved.id, 'shared').set('closed');
    });
    standby = await primary.standby();
    proxy = await StampBlindServer.start({ upstream: standby.address });
    pool = new TestPool(proxy.through({ ...primary.target, isReplica: true }));
  }, 60_000);

  afterAll(async () => {
    await pool.end();
    await proxy.close();
    await standby.stop();
    await primary.stop();
  });

  const read = async ({ id, schema }: TestTenant, replayed: string): Promise<unknown> => {
    const stamp = { ...createStamp(id, schema, { isGated: true }), isReadOnly: true, replayed };
    return (await new StampedClient(accessTo(pool, stamp)).query('SELECT body FROM notes')).rows;
  };

  it('is read under a stamp, where the position has been replayed and the gate is open', async () => {
    expect(await read(tenant, EARLY)).toEqual([{ body: `of ${tenant.id}` }]);
  });

  it('is not read where the position has not been replayed', async () => {
    expect(await read(tenant, LATE).catch(isReplicaBehind)).toBe(true);
  });

  it('is not read behind a closed gate, where the position has been replayed', async () => {
    await expect(read(moved, EARLY)).rejects.toMatchObject({ code: GATE_CLOSED });
  });
});

async function onPrimary(primary: PrivatePostgres, work: (owner: pg.Client) => Promise<void>): Promise<void> {
  const owner = new pg.Client({ connectionString: primary.url });
  await owner.connect();
  await work(owner);
  await owner.end();
}
