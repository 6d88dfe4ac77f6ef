import { expect, it } from '@jest/globals';
import { Backends } from '../../support/postgres/backends.js';
import { survive } from '../../support/load/fault-load.js';
import { TcpProxy } from '../../support/processes/tcp-proxy.js';
import { createTenantDatabase } from '../../support/postgres/tenant-database.js';
import { TestPool } from '../../support/pool/test-pool.js';

const OPTIONS = { size: 4, timeoutMs: 1_500, connectTimeoutMs: 500, statementTimeoutMs: 500 };

/** A soak test, because the loss is noticed only after the read timeout. */
it('statements on connections that a firewall forgot end by the read timeout', async () => {
  const [database, otherDatabase] = [await createTenantDatabase(), await createTenantDatabase()];
  const backends = await Backends.of(database.role);
  const proxy = await TcpProxy.before(database.target.server);
  const pool = new TestPool(proxy.through(database.target), OPTIONS);
  const other = new TestPool(otherDatabase.target, OPTIONS);
  const load = await survive({ pool, atOnce: OPTIONS.size, backends, other }, async (under) => {
    proxy.forgetLinks();
    while (pool.snapshot().closed.discarded !== OPTIONS.size) await new Promise(setImmediate);
    proxy.reapForgotten();
    await under.servesAgain();
  });
  const unanswered = load.outcomes.filter((error) => (error as Error | undefined)?.message === 'Query read timeout');
  expect(unanswered).toHaveLength(OPTIONS.size);
  await pool.end();
  await other.end();
  await proxy.close();
  await backends.close();
  await database.drop();
  await otherDatabase.drop();
});
