import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Writable } from 'node:stream';
import { soon } from '../support/load/soon.js';
import { dropEverything, TestApp, type TestTenant } from '../support/test-app.js';
import { TestRedis } from '../support/redis/test-redis.js';

let redis: TestRedis;
let apps: TestApp[];
let acme: TestTenant;
let written = '';

const output = new Writable({
  write(chunk: Buffer, _encoding, done) {
    written += chunk.toString();
    done();
  },
});

beforeAll(async () => {
  redis = await TestRedis.start();
  const env = { ENABLE_REDIS_CACHE: 'true', REDIS_HOST: '127.0.0.1', REDIS_PORT: String(redis.port) };
  const first = await TestApp.start(env);
  const second = await TestApp.over(first.database, { ...env, LOG_LEVEL: 'debug', LOG_FORMAT: 'json' }, output);
  apps = [first, second];
  acme = await first.provision('acme', 'schema');
});

afterAll(async () => {
  await Promise.all(apps.map((app) => app.stop()));
  await dropEverything((apps[0] as TestApp).database);
  await redis.stop();
});

const admin = (statement: string) => (apps[0] as TestApp).database.admin(statement);

async function statuses(apiKey = acme.apiKey): Promise<number[]> {
  const answers = await Promise.all(apps.map((app) => app.call('/api/v1/orders', { apiKey })));
  return answers.map(({ status }) => status);
}

describe('the cache of the REST API', () => {
  it('logs hits and misses at level debug, with the key and without secrets', async () => {
    await soon(async () => expect(await statuses()).toEqual([200, 200]));
    await statuses();
    const keyId = acme.apiKey.split('_')[1];
    // The other instance may have loaded it first.
    expect(written).toMatch(new RegExp(`Cache (?:MISS|HIT \\(redis\\)) api-key:${keyId}`));
    expect(written).toContain(`Cache HIT (memory) api-key:${keyId}`);
    expect(written).toContain(`Cache HIT (memory) tenant:${acme.id}`);
    expect(written).not.toContain(acme.apiKey.split('_').slice(2).join('_'));
  });

  it('applies a change made with psql on every instance', async () => {
    await admin(`UPDATE tenants SET status = 'suspended' WHERE id = '${acme.id}'`);
    await soon(async () => expect(await statuses()).toEqual([403, 403]));
    await admin(`UPDATE tenants SET status = 'active' WHERE id = '${acme.id}'`);
    await soon(async () => expect(await statuses()).toEqual([200, 200]));
  });

  it('rejects an API key that was revoked with psql', async () => {
    const revoked = await (apps[0] as TestApp).issueKey(acme);
    await soon(async () => expect(await statuses(revoked)).toEqual([200, 200]));
    await admin(`UPDATE api_keys SET revoked_at = now() WHERE id = '${revoked.split('_')[1]}'`);
    await soon(async () => expect(await statuses(revoked)).toEqual([401, 401]));
  });

  it('serves requests while Redis is frozen, and an instance stops without waiting for it', async () => {
    redis.freeze();
    try {
      await admin(`UPDATE tenants SET message = 'changed' WHERE id = '${acme.id}'`);
      expect(await statuses()).toEqual([200, 200]);
      await (apps.pop() as TestApp).stop(); // ends although Redis never answers its QUIT
    } finally {
      redis.thaw();
    }
    expect(written).not.toMatch(/Redis unavailable \(connection closed\)/); // closed on purpose
  });

  // TenantConnectionService reads the target again only when the tenant itself has changed.
  it("applies a change of a tenant's placement", async () => {
    const { name } = ((await admin(`SELECT database AS name FROM connection_targets`)) as { name: string }[])[0] ?? {
      name: '',
    };
    expect(await statuses()).toEqual([200]);
    await admin(`UPDATE connection_targets SET database = 'nowhere'`);
    await soon(async () => expect(await statuses()).toEqual([503])); // long before an entry of the cache expires
    await admin(`UPDATE connection_targets SET database = '${name}'`);
    await soon(async () => expect(await statuses()).toEqual([200]));
  });
});
