import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { DEFAULT_SERVER } from '../../../src/catalog/catalog-target.js';
import { targetOfUrl } from '../../../src/database/connection/database-url.js';
import { insertTenants, LookupInstance, randomSlug } from '../../support/cache/lookup-instance.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';

const WAVES = 20;
const NAMES_AT_ONCE = 5_000;
const STATEMENTS_PER_SECOND = 100;

let database: TestDatabase;
let instance: LookupInstance;

beforeAll(async () => {
  database = await createTestDatabase('catalog');
  instance = await LookupInstance.open(targetOfUrl(database.url, DEFAULT_SERVER), { options: { maxEntries: 400 } });
});

afterAll(async () => {
  await instance.close();
  await database.drop();
});

describe('100,000 unknown slugs', () => {
  it('reach the catalog a bounded number of times, and leave real tenants in memory', async () => {
    const real = Array.from({ length: 200 }, randomSlug);
    await database.admin(insertTenants(real));
    await Promise.all(real.map((slug) => instance.lookup.bySlug(slug)));
    const statements = jest.spyOn(instance.catalog, 'getRepository'); // once for each statement
    const startedAt = performance.now();

    for (let wave = 0; wave < WAVES; wave += 1) {
      const names = Array.from({ length: NAMES_AT_ONCE }, () => `u${randomBytes(9).toString('hex')}`);
      const found = await Promise.all(names.map((name) => instance.lookup.bySlug(name)));
      expect(found.every((tenant) => tenant === null)).toBe(true);
    }

    const seconds = (performance.now() - startedAt) / 1_000;
    expect(statements.mock.calls.length).toBeGreaterThanOrEqual(100); // a thousand names in one
    expect(statements.mock.calls.length).toBeLessThanOrEqual(STATEMENTS_PER_SECOND * seconds + 1);
    statements.mockClear();
    const slugs = await Promise.all(real.map(async (slug) => (await instance.lookup.bySlug(slug))?.slug));
    expect(slugs).toEqual(real);
    expect(statements).not.toHaveBeenCalled();
    expect(instance.cache.snapshot().entries).toBe(400);
  });
});
