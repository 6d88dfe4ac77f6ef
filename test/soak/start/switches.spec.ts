import { afterEach, describe, expect, it } from '@jest/globals';
import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { callOnce } from '../../support/processes/keep-alive.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { Service } from '../../support/processes/service.js';
import { ADMIN_KEY, dropEverything, type Json } from '../../support/test-app.js';
import { TestRedis } from '../../support/redis/test-redis.js';

let database: TestDatabase;
let service: Service;

afterEach(async () => {
  await service.stop();
  await dropEverything(database);
});

describe('the table of feature flags', () => {
  it('is logged at start and available at runtime, with the source of each value and without secrets', async () => {
    database = await createTestDatabase('switches');
    const folder = await mkdtemp(join(tmpdir(), 'tenantry-switches-'));
    await chmod(folder, 0o755);
    await writeFile(join(folder, '.env'), 'ENABLE_API_DOCS=false\nENABLE_CONNECTION_POOLING=true\n');
    const env = { DATABASE_URL: database.url, ENABLE_CONNECTION_POOLING: 'false', JWT_SECRET: 'x'.repeat(48) };
    service = await Service.start(env, folder);

    const runtime = await callOnce(service.url, '/admin/v1/runtime', { apiKey: ADMIN_KEY });
    expect(runtime.status).toBe(200);
    const flags = new Map(runtime.body.switches.map(({ variable, ...rest }: Json) => [variable, rest]));
    expect(flags.get('ENABLE_CONNECTION_POOLING')).toEqual({ value: 'false', source: 'environment' });
    expect(flags.get('ENABLE_API_DOCS')).toEqual({ value: 'false', source: '.env' });
    expect(flags.get('METRICS_PUBLIC')).toEqual({ value: 'false', source: 'default' });
    expect(flags.get('ENABLE_DEMO_TENANTS')).toEqual({ value: 'false', source: 'default' });

    const table = service.lines.find(({ msg }) => msg.startsWith('Feature flags:'))?.msg.split('\n') ?? [];
    for (const [variable, { value, source }] of flags as Map<string, Json>) {
      expect(table.map((row) => row.trim().split(/ +/))).toContainEqual([variable, value, source]);
    }
    const password = decodeURIComponent(new URL(database.url).password);
    for (const secret of [ADMIN_KEY, password, env.JWT_SECRET]) {
      expect(service.output).not.toContain(secret);
      expect(JSON.stringify(runtime.body)).not.toContain(secret);
    }
    expect((await callOnce(service.url, '/admin/v1/runtime')).status).toBe(401);
  });

  it('matches the behaviour: pooling and Redis log their state, and a disabled feature is not used', async () => {
    database = await createTestDatabase('switches');
    const redis = await TestRedis.start();
    try {
      const common = { DATABASE_URL: database.url, REDIS_HOST: '127.0.0.1', REDIS_PORT: String(redis.port) };
      const on = { ENABLE_CONNECTION_POOLING: 'true', ENABLE_REDIS_CACHE: 'true', ENABLE_DEMO_TENANTS: 'true' };
      service = await Service.start({ ...common, ...on });
      await service.said(/Redis connected: 127\.0\.0\.1:\d+, database 0/);
      expect(service.output).toContain('Connection pool ready: ');
      expect(service.output).not.toContain('Connection pooling is off');
      expect(await service.stop()).toBe(0);

      const off = { ENABLE_CONNECTION_POOLING: 'false', ENABLE_REDIS_CACHE: 'false', ENABLE_DEMO_TENANTS: 'true' };
      service = await Service.start({ ...common, ...off });
      expect(service.output).toContain('Connection pooling is off: every statement opens a direct connection');
      expect(service.output).toContain('Redis is disabled (ENABLE_REDIS_CACHE=false): using memory only');
      expect(service.output).not.toContain('Connection pool ready: ');
      expect(
        String(await redis.send('CLIENT', 'LIST', 'TYPE', 'normal'))
          .trim()
          .split('\n'),
      ).toHaveLength(1);
    } finally {
      await redis.stop();
    }
  });
});
