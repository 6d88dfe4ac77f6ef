import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PoolerLeakError } from '../../../../src/database/statements/pooler-probe.js';
import { probePooler } from '../../../../src/database/statements/pooler-probe.js';
import { TargetUnavailableError } from '../../../../src/database/connection/connection.errors.js';
import { PgBouncer, type PgBouncerOptions } from '../../../support/postgres/pgbouncer.js';
import { createTenantDatabase, type TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { POOL_OPTIONS } from '../../../support/pool/test-pool.js';
import { CarelessPooler } from '../../../support/pooler/careless-pooler.js';

let database: TenantDatabase;

beforeAll(async () => {
  database = await createTenantDatabase();
});

afterAll(() => database.drop());

function probe(port: number): Promise<boolean> {
  const { server } = database.target;
  return probePooler({ ...database.target, server: { ...server, port, aroundPooler: server } }, POOL_OPTIONS);
}

async function probePgBouncer(options: PgBouncerOptions): Promise<unknown> {
  const pooler = await PgBouncer.start(options);
  try {
    return await probe(pooler.port).catch((error: unknown) => error);
  } finally {
    await pooler.stop();
  }
}

describe('the pooler probe', () => {
  it.each([1, 3])('proves that transaction mode keeps stamps apart, over %d connections', async (poolSize) => {
    expect(await probePgBouncer({ poolMode: 'transaction', poolSize })).toBe(true);
  });

  it('proves nothing in session mode, where two clients never share a connection', async () => {
    expect(await probePgBouncer({ poolMode: 'session' })).toBe(false);
  });

  it('rejects statement mode, which has no transactions', async () => {
    const rejection = await probePgBouncer({ poolMode: 'statement' });
    expect(rejection).toBeInstanceOf(PoolerLeakError);
    expect((rejection as Error).message).toMatch(/breaks up transactions \(.*statement pooling mode\)/);
  });

  it.each([
    ['shares transactions', /one client's stamp is visible to another client/],
    ['keeps settings', /one client's stamp is visible to another client/],
  ] as const)('refuses a pooler that %s', async (fault, reason) => {
    const pooler = await CarelessPooler.before(database.target, fault);
    try {
      const rejection = await probe(pooler.port).catch((error: unknown) => error);
      expect(rejection).toBeInstanceOf(PoolerLeakError);
      expect((rejection as PoolerLeakError).code).toBe('POOLER_LEAKS');
      expect((rejection as Error).message).toMatch(reason);
    } finally {
      await pooler.close();
    }
  });

  it('accepts the same kind of pooler without its faults', async () => {
    const pooler = await CarelessPooler.before(database.target, 'none');
    try {
      expect(await probe(pooler.port)).toBe(true);
    } finally {
      await pooler.close();
    }
  });

  it('reports an address at which nothing listens', async () => {
    await expect(probe(1)).rejects.toBeInstanceOf(TargetUnavailableError);
  });
});
