import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { DEFAULT_SERVER } from '../../../src/catalog/catalog-target.js';
import { targetOfUrl } from '../../../src/database/connection/connection-target.js';
import { insertTenants, LookupInstance, randomSlug } from '../../support/cache/lookup-instance.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';

const WAVES = 20;
const NAMES_AT_ONCE = 5_000;
const NAMES_PER_STATEMENT = 1_000;

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

describe('lookups of 100,000 unknown slugs', () => {
  it('are batched into few statements and leave real tenants in memory', async () => {
    const real = Array.from({ length: 200 }, randomSlug);
    await database.admin(insertTenants(real));
    await Promise.all(real.map((slug) => instance.lookup.bySlug(slug)));
    const statements = jest.spyOn(instance.catalog, 'getRepository'); // once for each statement

    for (let wave = 0; wave < WAVES; wave += 1) {
      const names = Array.from({ length: NAMES_AT_ONCE }, () => `u${randomBytes(9).toString('hex')}`);
      const found = await Promise.all(names.map((name) => instance.lookup.bySlug(name)));
      expect(found.every((tenant) => tenant === null)).toBe(true);
    }

    // Of each wave the first name is looked up alone, the others by the thousand.
    expect(statements.mock.calls.length).toBeGreaterThanOrEqual(WAVES * (NAMES_AT_ONCE / NAMES_PER_STATEMENT));
    expect(statements.mock.calls.length).toBeLessThanOrEqual(WAVES * (1 + NAMES_AT_ONCE / NAMES_PER_STATEMENT));
    statements.mockClear();
    const slugs = await Promise.all(real.map(async (slug) => (await instance.lookup.bySlug(slug))?.slug));
    expect(slugs).toEqual(real);
    expect(statements).not.toHaveBeenCalled();
    expect(instance.cache.snapshot().entries).toBe(400);
  });
});
