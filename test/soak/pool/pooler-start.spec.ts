import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { targetOfUrl } from '../../../src/database/connection/connection-target.js';
import { HostApplication } from '../../support/host/host-application.js';
import { soon } from '../../support/load/soon.js';
import { freePort } from '../../support/processes/free-port.js';
import { PgBouncer } from '../../support/postgres/pgbouncer.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { TestApp } from '../../support/test-app.js';
import { CarelessPooler } from '../../support/pooler/careless-pooler.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase('catalog');
});

afterAll(async () => database.drop());
afterEach(() => void jest.restoreAllMocks());

function openConnections(): Promise<unknown[]> {
  return database.admin(
    `SELECT application_name FROM pg_stat_activity
     WHERE datname = current_database() AND application_name LIKE 'tenantry%'`,
  );
}

/** What was logged about the pooler when the application started behind it, and stopped again. */
async function startBehind(pooler: PgBouncer): Promise<{ logged: unknown[]; warned: unknown[] }> {
  const log = jest.spyOn(Logger.prototype, 'log');
  const warn = jest.spyOn(Logger.prototype, 'warn');
  const app = await TestApp.over(database, pooler.environment(database));
  await app.stop();
  const aboutPooler = (messages: unknown[][]): unknown[] =>
    messages.flat().filter((message) => /^Pooler check/.test(String(message)));
  return { logged: aboutPooler(log.mock.calls), warned: aboutPooler(warn.mock.calls) };
}

describe('the start behind a pooler', () => {
  it('logs that the pooler was seen to keep stamps apart', async () => {
    const pooler = await PgBouncer.start();
    const { logged, warned } = await startBehind(pooler);
    await pooler.stop();
    expect(logged).toEqual([expect.stringMatching(/^Pooler check passed: stamps stay apart/)]);
    expect(warned).toEqual([]);
  });

  it('warns when nothing could be proved, as in session mode', async () => {
    const pooler = await PgBouncer.start({ poolMode: 'session' });
    const { logged, warned } = await startBehind(pooler);
    await pooler.stop();
    expect(logged).toEqual([]);
    expect(warned).toEqual([
      expect.stringMatching(/^Pooler check inconclusive: .* Is the pooler in transaction mode\?$/),
    ]);
  });

  it('fails when one tenant would see the stamp of another, and leaves nothing open', async () => {
    const pooler = await CarelessPooler.before(targetOfUrl(database.url, 'postgres'), 'keeps settings');
    const url = new URL(database.url);
    url.port = String(pooler.port);
    const start = TestApp.over(database, {
      ...{ DB_POOLER: 'transaction', DATABASE_URL: url.href, DATABASE_DIRECT_URL: database.url },
    });
    await expect(start).rejects.toMatchObject({ code: 'POOLER_LEAKS' });
    await pooler.close();
    expect(await openConnections()).toEqual([]);
  });

  it('fails when the pooler is away and the direct address is not, and leaves nothing open', async () => {
    const url = new URL(database.url);
    url.port = String(await freePort());
    const env = { DB_POOLER: 'transaction', DATABASE_URL: url.href, DATABASE_DIRECT_URL: database.url };
    await expect(HostApplication.start({ adapter: 'fastify', database, env })).rejects.toMatchObject({
      code: 'TENANT_UNAVAILABLE',
    });
    await soon(async () => expect(await openConnections()).toEqual([]));
  });
});
