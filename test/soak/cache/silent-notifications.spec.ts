import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DEFAULT_SERVER } from '../../../src/catalog/catalog-target.js';
import { targetOfUrl } from '../../../src/database/connection/connection-target.js';
import { insertTenants, LookupInstance, randomSlug } from '../../support/cache/lookup-instance.js';
import { createTestDatabase, type TestDatabase, testServer } from '../../support/postgres/postgres.js';
import { soon } from '../../support/load/soon.js';
import { TcpProxy } from '../../support/processes/tcp-proxy.js';

let database: TestDatabase;
let proxy: TcpProxy;
let instance: LookupInstance;

beforeAll(async () => {
  [database, proxy] = await Promise.all([createTestDatabase('catalog'), TcpProxy.before(testServer())]);
  const target = targetOfUrl(database.url, DEFAULT_SERVER);
  instance = await LookupInstance.open(target, { notificationsThrough: proxy.through(target) });
});

afterAll(async () => {
  proxy.thaw();
  await instance.close();
  await proxy.close();
  await database.drop();
});

describe('a notification connection that died silently', () => {
  it('is detected by its heartbeat and replaced, and missed changes are seen', async () => {
    const slug = randomSlug();
    await database.admin(insertTenants([slug]));
    await soon(async () => expect((await instance.lookup.bySlug(slug))?.message).toBe('as created'));
    const lost = new Promise<void>((resolve) => {
      instance.events.subscribe('health', ({ kind }) => kind === 'lost' && resolve());
    });
    proxy.forgetLinks();
    await database.admin(`UPDATE tenants SET message = 'unheard' WHERE slug = '${slug}'`);
    await lost;
    expect((await instance.lookup.bySlug(slug))?.message).toBe('unheard');
    await soon(async () => expect(instance.feed.connected).toBe(true));
    await database.admin(`UPDATE tenants SET message = 'noticed' WHERE slug = '${slug}'`);
    await soon(async () => expect((await instance.lookup.bySlug(slug))?.message).toBe('noticed'));
  });

  it('does not delay the shutdown', async () => {
    proxy.freeze();
    await instance.feed.close();
    expect(instance.feed.connected).toBe(false);
  });
});
