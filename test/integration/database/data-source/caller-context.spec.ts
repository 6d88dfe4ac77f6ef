import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import QueryStream from 'pg-query-stream';
import { SessionLease } from '../../../../src/database/transactions/session-lease.js';
import { createStamp } from '../../../../src/database/statements/stamps/stamp.js';
import { newTenantContext } from '../../../support/tenant-context.js';
import { TestTenants } from '../../../support/data-source/tenants.js';
import { accessTo } from '../../../support/pool/test-pool.js';

const context = newTenantContext();
const OPENED_BY = 'acme';
const USED_BY = 'umbrella';

let tenants: TestTenants;

/** Every connection of the pool is opened in the context of one tenant, and used by another one of the same target. */
beforeAll(async () => {
  tenants = await TestTenants.create({ poolSize: 4 });
  const opener = tenants.named(OPENED_BY);
  await Promise.all(Array.from({ length: 4 }, () => runAs(OPENED_BY, () => opener.dataSource.query('SELECT 1'))));
});

afterAll(() => tenants.close());

function runAs<T>(name: string, work: () => Promise<T>): Promise<T> {
  const { dataSource } = tenants.named(name);
  return context.run({ tenant: { slug: name } as never, dataSource }, work);
}

function whoAmI(): string {
  return context.current().tenant.slug;
}

describe('on a connection that another tenant opened', () => {
  it('listeners of a stream run in the context of the tenant that started it', async () => {
    const received = await runAs(USED_BY, async () => {
      const runner = tenants.named(USED_BY).dataSource.createQueryRunner();
      const client = await runner.connect();
      const stream: QueryStream = client.query(new QueryStream('SELECT generate_series(1, 5)'));
      const seen = new Set<string>();
      stream.on('data', () => seen.add(whoAmI()));
      await once(stream, 'end');
      await runner.release();
      return [...seen];
    });
    expect(received).toEqual([USED_BY]);
  });

  it('listeners of a session receive notifications in the context of its tenant', async () => {
    const { id, schema, pool } = tenants.named(USED_BY);
    const received = await runAs(USED_BY, () =>
      SessionLease.run(accessTo(pool, createStamp(id, schema)), async (session) => {
        const notified = new Promise((resolve) => session.on('notification', () => resolve(whoAmI())));
        await session.listen('something');
        await session.notify('something');
        return notified;
      }),
    );
    expect(received).toBe(USED_BY);
  });

  it('under the names that the tenant has given to its channels', async () => {
    const { id, schema, pool } = tenants.named(USED_BY);
    const connections = {
      session: (work: (session: SessionLease) => Promise<void>) =>
        SessionLease.run(accessTo(pool, createStamp(id, schema)), work),
    };
    const paid: object[] = [];
    await connections.session(async (session) => {
      await session.lock('stock');
      await session.listen('order-paid');
      session.on('notification', ({ channel, payload }) => paid.push({ channel, payload }));
      await session.notify('order-paid', '42');
    });
    expect(paid).toEqual([{ channel: 'order-paid', payload: '42' }]);
  });
});
