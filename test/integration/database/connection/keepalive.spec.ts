import { afterAll, beforeAll, expect, it } from '@jest/globals';
import pg from 'pg';
import { targetOfUrl } from '../../../../src/database/connection/connection-target.js';
import { clientConfig } from '../../../../src/database/connection/client-config.js';
import { POOL_OPTIONS, TestPool } from '../../../support/pool/test-pool.js';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres/postgres.js';
import { createTenantDatabase, type TenantDatabase } from '../../../support/postgres/tenant-database.js';

const NAMES = [
  ...['tcp_keepalives_idle', 'tcp_keepalives_interval', 'tcp_keepalives_count', 'tcp_user_timeout'],
  ...['client_connection_check_interval', 'work_mem'],
];
const SETTINGS = {
  text: 'SELECT name, setting::int AS value FROM pg_settings WHERE name = ANY ($1)',
  values: [NAMES],
};

let database: TestDatabase;
let tenants: TenantDatabase;

beforeAll(async () => {
  [database, tenants] = await Promise.all([createTestDatabase(), createTenantDatabase()]);
});

afterAll(() => Promise.all([database.drop(), tenants.drop()]));

it('the server ends a vanished client well before a statement may last, also during one', async () => {
  const pool = new TestPool(tenants.target);
  const connection = await pool.acquire();
  const settings = await settingsOf(connection.client);
  connection.release();
  await pool.end();
  const value = (name: string): number => settings[name] ?? 0;
  const probesEndMs =
    (value('tcp_keepalives_idle') + value('tcp_keepalives_interval') * value('tcp_keepalives_count')) * 1_000;
  for (const ms of [probesEndMs, value('tcp_user_timeout'), value('client_connection_check_interval')]) {
    expect(ms).toBeGreaterThan(0);
    expect(ms).toBeLessThan(30_000 / 1.5); // DB_STATEMENT_TIMEOUT is 30 s unless set
  }
});

it('options of a URL are in force, and replace ours', async () => {
  const url = `${database.url}?options=${encodeURIComponent('-c work_mem=7MB -c tcp_keepalives_idle=77')}`;
  const client = new pg.Client(clientConfig(targetOfUrl(url, 'any'), POOL_OPTIONS));
  await client.connect();
  const settings = await settingsOf(client);
  await client.end();
  expect(settings).toMatchObject({ work_mem: 7 * 1024, tcp_keepalives_idle: 77, tcp_keepalives_interval: 3 });
});

async function settingsOf(client: pg.ClientBase): Promise<Record<string, number>> {
  const { rows } = await client.query<{ name: string; value: number }>(SETTINGS);
  return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
}
