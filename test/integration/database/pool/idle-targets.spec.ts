import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { AppConfig } from '../../../../src/platform/config/app-config.js';
import { ConnectionPools } from '../../../../src/database/pool/connection-pools.js';
import { soon } from '../../../support/load/soon.js';
import { POOL_OPTIONS } from '../../../support/pool/test-pool.js';
import { createTenantDatabase, type TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { TcpProxy } from '../../../support/processes/tcp-proxy.js';

const CALLER = { tenantId: 'a', share: { maxConcurrent: 10, maxQueued: 10 }, hold: 'lease' } as const;

let database: TenantDatabase;
let proxy: TcpProxy;
let pools: ConnectionPools;

beforeAll(async () => {
  database = await createTenantDatabase();
  proxy = await TcpProxy.before(database.target.server);
  pools = new ConnectionPools({ pool: { ...POOL_OPTIONS, enabled: true } } as unknown as AppConfig);
});

afterAll(async () => {
  await pools.close(1_000);
  await proxy.close();
  await database.drop();
});

it('a target that is reachable again is known to be, without any caller', async () => {
  const handle = pools.get(proxy.through(database.target));
  proxy.cut();
  await soon(async () => {
    await expect(handle.acquire(CALLER)).rejects.toMatchObject({ code: 'TENANT_UNAVAILABLE' });
    expect(pools.snapshot().pools).toMatchObject([{ breaker: 'open' }]);
  });
  proxy.mend();
  await soon(async () => expect(pools.snapshot().pools).toMatchObject([{ breaker: 'closed' }]));
});
