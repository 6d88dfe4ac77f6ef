import { expect, it } from '@jest/globals';
import { Writable } from 'node:stream';
import { freePort } from '../../support/processes/free-port.js';
import { createTestDatabase } from '../../support/postgres/postgres.js';
import { TestApp } from '../../support/test-app.js';

async function startWith(env: Record<string, string>): Promise<{ log: string; readiness: unknown }> {
  let log = '';
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      log += chunk.toString();
      done();
    },
  });
  const settings = { LOG_LEVEL: 'info', ENABLE_REDIS_CACHE: '', REDIS_PORT: String(await freePort()), ...env };
  const app = await TestApp.over(await createTestDatabase('catalog'), settings, output);
  const { status, body } = await app.call('/health/ready');
  await app.dispose();
  return { log, readiness: [status, body.status] };
}

it('without a Redis that anything names, the log has no warning and readiness is ok', async () => {
  const { log, readiness } = await startWith({});
  expect(readiness).toEqual([200, 'ok']);
  expect(log).toContain('Redis is not configured: using memory only');
  expect(log).not.toContain('"level":"warn"');
});

it.each([
  ['ENABLE_REDIS_CACHE', 'true'],
  ['REDIS_HOST', '127.0.0.1'],
])('one that %s names is missed', async (variable, value) => {
  const { log, readiness } = await startWith({ [variable]: value });
  expect(readiness).toEqual([200, 'degraded']);
  expect(log).toContain('Redis unavailable');
});
