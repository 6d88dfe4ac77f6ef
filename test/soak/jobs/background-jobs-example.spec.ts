import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AppModule } from '../../../examples/background-jobs/src/app.module.js';
import { startTestTenancy } from '../../../src/testing.js';
import { soon } from '../../support/load/soon.js';
import { type NotesTenancy, serverUrl, TENANTS } from '../../support/queues/notes-jobs.js';
import { TestRedis } from '../../support/redis/test-redis.js';

let redis: TestRedis;
let tenancy: NotesTenancy;

beforeAll(async () => {
  redis = await TestRedis.start();
  tenancy = await startTestTenancy({
    module: AppModule,
    databaseUrl: serverUrl(),
    env: { REDIS_HOST: '127.0.0.1', REDIS_PORT: String(redis.port) },
    tenants: TENANTS,
  });
}, 120_000);

afterAll(async () => {
  await tenancy.stop();
  await redis.stop();
});

async function call(slug: keyof NotesTenancy['tenants'], body?: object): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${tenancy.url}/orders`, {
    method: body ? 'POST' : 'GET',
    headers: { authorization: `Bearer ${tenancy.tenants[slug].apiKey}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

describe('the example with background jobs', () => {
  it('writes the receipt of each order in a job, for the tenant that has ordered', async () => {
    const slugs = ['acme', 'globex', 'initech'] as const;
    for (const [index, slug] of slugs.entries()) expect((await call(slug, { cents: 1_000 + index })).status).toBe(201);
    for (const [index, slug] of slugs.entries()) {
      const receipt = `${slug}: 10.0${index}`;
      await soon(async () => expect((await call(slug)).body).toEqual([expect.objectContaining({ receipt })]));
    }
  });
});
