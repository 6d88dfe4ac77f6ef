import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ConnectionTarget } from '../../../src/database/connection/connection-target.js';
import { OPTIONS } from '../../support/cache/cache-rig.js';
import { PASSWORDS } from '../../support/postgres/embedded-server.js';
import { insertTenants, LookupInstance } from '../../support/cache/lookup-instance.js';
import { PrivatePostgres } from '../../support/postgres/private-postgres.js';
import { soon } from '../../support/load/soon.js';

const SLUGS = ['steady', 'suspended', 'deleted', 'renamed'];

let postgres: PrivatePostgres;
let instance: LookupInstance;

beforeAll(async () => {
  postgres = await PrivatePostgres.start();
  const owner: ConnectionTarget = { ...postgres.target, role: 'tenantry', password: PASSWORDS.owner };
  instance = await LookupInstance.open(owner, { options: { loadTimeoutMs: 600_000 } });
  await postgres.admin(insertTenants(SLUGS));
  await soon(async () => {
    for (const slug of SLUGS) expect((await instance.lookup.bySlug(slug))?.status).toBe('maintenance');
  });
});

afterAll(async () => {
  await instance.close();
  await postgres.stop();
});

describe('the tenant lookup', () => {
  it('serves stale tenants while the catalog is down, except those known to have changed', async () => {
    const heard = new Set<string>();
    instance.events.subscribe(
      'health',
      (event) => event.kind === 'change' && event.slugs.forEach((slug) => heard.add(slug)),
    );
    await postgres.admin(`UPDATE tenants SET status = 'suspended' WHERE slug = 'suspended';
      DELETE FROM tenants WHERE slug = 'deleted'; UPDATE tenants SET slug = 'new-name' WHERE slug = 'renamed'`);
    await soon(async () => expect([...heard].toSorted()).toEqual(['deleted', 'new-name', 'renamed', 'suspended']));
    await postgres.kill();
    await soon(async () => expect(instance.feed.connected).toBe(false));
    instance.clock.advance(OPTIONS.ttlMs);

    for (let n = 0; n < 20; n += 1) expect((await instance.lookup.bySlug('steady'))?.status).toBe('maintenance');
    const { stale, loads } = instance.cache.snapshot();
    expect(stale).toBeGreaterThanOrEqual(20);
    expect(loads).toBeLessThanOrEqual(20);
    for (const slug of ['suspended', 'deleted', 'renamed', 'never-seen']) {
      await expect(instance.lookup.bySlug(slug)).rejects.toThrow();
    }
  });

  it('matches the catalog and receives changes again after the catalog is back', async () => {
    await postgres.startAgain();
    await soon(async () => {
      expect(instance.feed.connected).toBe(true);
      expect((await instance.lookup.bySlug('suspended'))?.status).toBe('suspended');
      expect(await instance.lookup.bySlug('deleted')).toBeNull();
      expect(await instance.lookup.bySlug('renamed')).toBeNull();
    });
    await postgres.admin(`UPDATE tenants SET message = 'changed' WHERE slug = 'steady'`);
    await soon(async () => expect((await instance.lookup.bySlug('steady'))?.message).toBe('changed'));
  });

  it('serves stale tenants while the catalog is frozen, without waiting for its deadlines or retrying each time', async () => {
    instance.clock.advance(OPTIONS.ttlMs);
    await postgres.freeze();
    try {
      let isAnswered = false;
      // One on the open connection and one that connects: the lookup comes after both.
      const queries = [1, 2].map(() => instance.catalog.query('SELECT 1').finally(() => (isAnswered = true)));
      void Promise.allSettled(queries);
      expect((await instance.lookup.bySlug('steady'))?.message).toBe('changed'); // slug, then tenant
      expect(isAnswered).toBe(false); // not even by the catalog's own deadlines
      const { loads } = instance.cache.snapshot();
      for (let n = 0; n < 100; n += 1) await instance.lookup.bySlug('steady');
      expect(instance.cache.snapshot().loads - loads).toBeLessThan(10); // the others do not try again
    } finally {
      await postgres.thaw();
    }
    await soon(async () => expect(instance.feed.connected).toBe(true));
  });
});
