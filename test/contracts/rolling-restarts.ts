import { expect } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { callOnce } from '../support/processes/keep-alive.js';
import { createTestDatabase } from '../support/postgres/postgres.js';
import { RetryingClient } from '../support/load/retrying-client.js';
import { Service } from '../support/processes/service.js';
import { soon } from '../support/load/soon.js';
import { dropEverything, type Json } from '../support/test-app.js';

const EVERY_MS = 5;
/** One request in so many is a write. */
const WRITE = 10;

export interface RollingReport {
  readonly requests: number;
  readonly answered: number;
  readonly lost: readonly string[];
  /** Reasons for repeating requests, and how often each occurred. */
  readonly retries: Readonly<Record<string, number>>;
  readonly exitCodes: readonly (number | null)[];
}

/**
 * Restarts two instances in turn under 200 requests a second, and compares the client's answers with the stored rows.
 */
export async function rollingRestarts(restarts: number): Promise<RollingReport> {
  const database = await createTestDatabase('rolling');
  const common = { DATABASE_URL: database.url, LOG_LEVEL: 'warn' };
  const first = await Service.start({ ...common, LOG_LEVEL: 'info', ENABLE_DEMO_TENANTS: 'true' });
  const services = [first, await Service.start({ ...common, LOG_LEVEL: 'info' })];
  const urls = services.map(({ url }) => url);
  const apiKey = await keyOf(first, 'globex');
  const client = new RetryingClient(urls);
  const customersBefore = await countCustomers(urls, apiKey);
  const exitCodes: (number | null)[] = [];
  const calls: Promise<void>[] = [];
  let written = 0;
  const load = setInterval(() => {
    const isWrite = calls.length % WRITE === 0;
    const body = { name: 'Rolling', email: `rolling-${calls.length}@example.com` };
    if (isWrite) written += 1;
    calls.push(
      client.call(
        isWrite ? { path: '/api/v1/customers', method: 'POST', apiKey, body } : { path: '/api/v1/orders', apiKey },
      ),
    );
  }, EVERY_MS);
  try {
    for (let round = 0; round < restarts; round += 1) {
      const index = round % 2;
      const port = new URL(urls[index] ?? '').port;
      services[index]?.signal('SIGTERM');
      exitCodes.push((await services[index]?.ended()) ?? null);
      services[index] = await Service.start({ ...common, LOG_LEVEL: 'info', PORT: port });
      await soon(async () => expect((await callOnce(urls[index] ?? '', '/health/ready')).status).toBe(200));
    }
    clearInterval(load);
    await Promise.all(calls);
    expect(await countCustomers(urls, apiKey)).toBe(customersBefore + written);
  } finally {
    clearInterval(load);
    client.close();
    for (const service of services) await service.stop();
    await dropEverything(database);
  }
  const retries = Object.fromEntries(client.retries);
  return { requests: calls.length, answered: client.answered, lost: client.lost, retries, exitCodes };
}

async function keyOf({ dataDir }: Service, tenant: string): Promise<string> {
  const demo = JSON.parse(await readFile(join(dataDir, 'demo.json'), 'utf8')) as Json;
  return demo.tenants.find(({ slug }: Json) => slug === tenant).apiKey;
}

async function countCustomers([url = '']: readonly string[], apiKey: string): Promise<number> {
  let count = 0;
  for (let cursor: string | null = ''; cursor !== null;) {
    const { body }: Json = await callOnce(url, `/api/v1/customers?limit=100${cursor && `&cursor=${cursor}`}`, {
      apiKey,
    });
    count += body.items.length;
    cursor = body.nextCursor;
  }
  return count;
}
