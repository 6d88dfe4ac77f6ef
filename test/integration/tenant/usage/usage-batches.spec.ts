import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { openCatalog } from '../../../../src/catalog/catalog-data-source.js';
import { targetOfUrl } from '../../../../src/database/connection/connection-target.js';
import { newUsage } from '../../../../src/database/statements/usage.js';
import { Shutdown } from '../../../../src/platform/shutdown/shutdown.js';
import { UsageCounter } from '../../../../src/tenant/usage/usage-counter.js';
import { UsageWriter } from '../../../../src/tenant/usage/usage-writer.js';
import { POOL_OPTIONS } from '../../../support/pool/test-pool.js';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres/postgres.js';

type Query = DataSource['query'];

let database: TestDatabase;
let catalog: DataSource;

beforeAll(async () => {
  database = await createTestDatabase('usage');
  catalog = await openCatalog(targetOfUrl(database.url, 'default'), POOL_OPTIONS, {
    isProvided: false,
    schema: undefined,
  });
});

afterAll(async () => {
  await catalog.destroy();
  await database.drop();
});

/** One process of several that count. */
function startInstance(query: Query = (sql, values) => catalog.query(sql, values)) {
  const shutdown = new Shutdown(5_000);
  const counter = new UsageCounter({ features: { usage: true } });
  const writer = new UsageWriter(
    { query } as DataSource,
    { usage: { retentionDays: 400, measureMinutes: 60 } },
    counter,
    shutdown,
  );
  const request = (tenantId: string): void =>
    counter.record(
      tenantId,
      { kind: 'requests', failed: false, durationMs: 2 },
      { ...newUsage(), statements: 3, rowsRead: 5 },
    );
  return { counter, writer, shutdown, request };
}

async function requestsOf(tenants: readonly string[]): Promise<number[]> {
  const rows = await catalog.query<{ tenant_id: string; requests: number }[]>(
    'SELECT tenant_id, sum(requests)::int AS requests FROM usage_hours WHERE tenant_id = ANY ($1) GROUP BY 1',
    [tenants],
  );
  return tenants.map((id) => rows.find(({ tenant_id }) => tenant_id === id)?.requests ?? 0);
}

describe('the usage that instances write', () => {
  it('is the sum of what was counted, by instances that write at the same time', async () => {
    const tenants = Array.from({ length: 20 }, () => randomUUID());
    const instances = [startInstance(), startInstance(), startInstance()];
    for (let round = 0; round < 5; round++) {
      for (const { request } of instances)
        for (const [index, id] of tenants.entries()) for (let n = 0; n <= index; n++) request(id);
      await Promise.all(instances.map(({ writer }) => writer.write()));
    }
    expect(await requestsOf(tenants)).toEqual(tenants.map((_id, index) => (index + 1) * 15));
    const [row] = await catalog.query<Record<string, number>[]>(
      `SELECT sum(statements)::int AS statements, sum(rows_read)::int AS rows, sum(duration_ms)::int AS ms, sum(errors)::int AS errors
       FROM usage_hours WHERE tenant_id = $1`,
      [tenants[0]],
    );
    expect(row).toEqual({ statements: 45, rows: 75, ms: 30, errors: 0 });
  });

  it('is counted once where the connection was lost after the commit, and after it failed before', async () => {
    const tenant = randomUUID();
    let fate: 'lost' | 'failed' | undefined;
    const { writer, request } = startInstance(async (sql, values) => {
      const now = fate;
      fate = undefined;
      if (now === 'failed') throw new Error('connect ECONNREFUSED');
      const result: unknown = await catalog.query(sql, values);
      if (now === 'lost') throw new Error('Connection terminated unexpectedly');
      return result as never;
    });
    for (const next of ['lost', 'failed', 'lost', undefined] as const) {
      request(tenant);
      fate = next;
      await writer.write();
    }
    await writer.write();
    expect(await requestsOf([tenant])).toEqual([4]);
  });

  it('is counted once where the first sending is still being executed', async () => {
    const tenant = randomUUID();
    const blocker = catalog.createQueryRunner();
    await blocker.startTransaction();
    await blocker.query('SELECT FROM usage_closing FOR UPDATE');
    const sent: Promise<unknown>[] = [];
    const { writer, request } = startInstance((sql, values) => {
      const answer = catalog.query(sql, values);
      sent.push(answer);
      return sent.length === 1 ? Promise.reject(new Error('Connection terminated unexpectedly')) : (answer as never);
    });
    request(tenant);
    await writer.write();
    const second = writer.write();
    await blocker.rollbackTransaction();
    await blocker.release();
    await Promise.all([second, ...sent]);
    expect(sent.length).toBeGreaterThan(1);
    expect(await requestsOf([tenant])).toEqual([1]);
  });

  it('never changes an hour that was closed: what comes late is in the first open one', async () => {
    const tenant = randomUUID();
    const { writer, request } = startInstance();
    await catalog.query("UPDATE usage_closing SET closed_until = date_trunc('hour', now()) + interval '1 hour'");
    request(tenant);
    await writer.write();
    const [row] = await catalog.query<{ isNext: boolean }[]>(
      'SELECT hour = (SELECT closed_until FROM usage_closing) AS "isNext" FROM usage_hours WHERE tenant_id = $1',
      [tenant],
    );
    await catalog.query("UPDATE usage_closing SET closed_until = 'epoch'");
    expect(row).toEqual({ isNext: true });
  });

  it('is complete after a shutdown', async () => {
    const tenant = randomUUID();
    const { shutdown, request } = startInstance();
    request(tenant);
    await shutdown.run();
    expect(await requestsOf([tenant])).toEqual([1]);
  });

  it('is removed after its time', async () => {
    const tenant = randomUUID();
    await catalog.query(
      `INSERT INTO usage_hours SELECT now() - age * interval '1 day', $1, 1, 0, 0, 0, 0, 0, 0, 0, 0 FROM unnest($2::int[]) age`,
      [tenant, [401, 399]],
    );
    await startInstance().writer.write();
    expect(await requestsOf([tenant])).toEqual([1]);
  });
});
