import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DEFAULT_SERVER } from '../../../src/catalog/catalog-target.js';
import { targetOfUrl } from '../../../src/database/connection/connection-target.js';
import { insertTenants, LookupInstance, randomSlug } from '../../support/cache/lookup-instance.js';
import { createTestDatabase, type TestDatabase, testServer } from '../../support/postgres/postgres.js';
import { soon } from '../../support/load/soon.js';
import { TcpProxy } from '../../support/processes/tcp-proxy.js';
import { isNamedFor } from '../../../src/platform/postgres/application-name.js';

let database: TestDatabase;
let proxy: TcpProxy;
let instance: LookupInstance;
let slug: string;

beforeEach(async () => {
  [database, proxy] = await Promise.all([createTestDatabase('catalog'), TcpProxy.before(testServer())]);
  const target = targetOfUrl(database.url, DEFAULT_SERVER);
  instance = await LookupInstance.open(target, { notificationsThrough: proxy.through(target) });
  slug = randomSlug();
  await database.admin(insertTenants([slug]));
  await soon(async () => expect(await message()).toBe('as created'));
});

afterEach(async () => {
  await proxy.close();
  await instance.close();
  await database.drop();
});

async function message(): Promise<string | null | undefined> {
  return (await instance.lookup.bySlug(slug))?.message;
}

const change = (text: string) => database.admin(`UPDATE tenants SET message = '${text}' WHERE slug = '${slug}'`);

describe('when catalog notifications are lost', () => {
  it('because their connection was terminated, changes of the meantime are seen', async () => {
    await database.admin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE ${isNamedFor('signed notifications')} AND datname = current_database()`);
    await change('unheard, perhaps');
    await soon(async () => expect(await message()).toBe('unheard, perhaps'));
    await soon(async () => expect(instance.feed.connected).toBe(true));
    await change('heard again');
    await soon(async () => expect(await message()).toBe('heard again'));
  });

  it('because the network is cut, changes are still seen within 250 ms', async () => {
    proxy.cut();
    await soon(async () => expect(instance.feed.connected).toBe(false));
    expect(await message()).toBe('as created');
    await change('unheard');
    instance.clock.advance(250);
    expect(await message()).toBe('unheard');
    await database.admin(`DELETE FROM tenants WHERE slug = '${slug}'`);
    instance.clock.advance(250);
    expect(await message()).toBeUndefined();
  });

  it('and restored, every cached entry is revalidated once', async () => {
    proxy.cut();
    await soon(async () => expect(instance.feed.connected).toBe(false));
    expect(await message()).toBe('as created'); // held now for a moment, and unheard of later
    await change('unheard');
    proxy.mend();
    await soon(async () => expect(instance.feed.connected).toBe(true));
    expect(await message()).toBe('unheard');
    const { loads } = instance.cache.snapshot();
    expect(await message()).toBe('unheard');
    expect(instance.cache.snapshot().loads).toBe(loads);
  });

  it('before the first connection, an instance works and listens as soon as it can', async () => {
    proxy.cut();
    const target = targetOfUrl(database.url, DEFAULT_SERVER);
    const late = await LookupInstance.open(target, { notificationsThrough: proxy.through(target) });
    try {
      expect((await late.lookup.bySlug(slug))?.message).toBe('as created');
      proxy.mend();
      await soon(async () => expect(late.feed.connected).toBe(true));
      await change('heard');
      await soon(async () => expect((await late.lookup.bySlug(slug))?.message).toBe('heard'));
    } finally {
      await late.close();
    }
  });
});
