import { expect } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { soon } from '../support/load/soon.js';
import type { Operators } from '../support/operations/operators.js';
import { asSuperuser } from '../support/postgres/postgres.js';
import type { Json } from '../support/test-app.js';
import { type CrashCase, type Isolation, provisioned, succeeded, works } from './operation-crashes.js';

const CUSTOMERS = '/api/v1/customers?limit=100';

/** Exports a tenant into the store over REST; the export is kept, once, and a tenant can be made of it. */
export async function exportCase(operators: Operators, isolation: Isolation): Promise<CrashCase> {
  const slug = await provisioned(operators, isolation);
  await works(operators, slug);
  let id = '';
  return {
    kind: 'export',
    request: async () => {
      const { body } = await operators.call('POST', `/admin/v1/tenants/${slug}/export`, {});
      ({ id } = body);
      return body;
    },
    verify: async () => {
      const { items } = (await operators.call('GET', `/admin/v1/exports?tenant=${slug}`)).body;
      expect(items).toMatchObject([{ id, state: 'kept', sha256: expect.any(String) }]);
      const copy = randomSlug();
      await succeeded(operators, (await importAs(operators, id, copy)).id);
      expect(await customers(operators, copy)).toEqual(await customers(operators, slug));
    },
  };
}

/** Makes a tenant of an export over REST; it has the rows once, and no table that it was loaded into is left. */
export async function importCase(operators: Operators, isolation: Isolation): Promise<CrashCase> {
  const source = await provisioned(operators, isolation);
  await works(operators, source);
  const exported = (await operators.call('POST', `/admin/v1/tenants/${source}/export`, {})).body;
  await succeeded(operators, exported.id);
  const slug = randomSlug();
  return {
    kind: 'import',
    request: () => importAs(operators, exported.id, slug),
    verify: async () => {
      expect(await customers(operators, slug)).toEqual(await customers(operators, source));
      await works(operators, slug);
      const { database } = (await operators.call('GET', `/admin/v1/tenants/${slug}`)).body;
      expect(await asSuperuser(database, `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'i\\_%'`)).toEqual([]);
    },
  };
}

async function importAs(operators: Operators, from: string, as: string): Promise<Json> {
  const { status, body } = await operators.call('POST', '/admin/v1/tenants/import', { from, as });
  expect([status, body]).toEqual([202, expect.anything()]);
  return body;
}

/** As the tenant itself sees them. */
async function customers(operators: Operators, slug: string): Promise<Json[]> {
  const { body: key } = await operators.call('POST', `/admin/v1/tenants/${slug}/api-keys`, {});
  let items: Json[] = [];
  await soon(async () => {
    const { status, body } = await operators.call('GET', CUSTOMERS, undefined, key.token);
    expect(status).toBe(200);
    ({ items } = body);
  });
  expect(items.length).toBeGreaterThan(0);
  return items;
}

function randomSlug(): string {
  return `t${randomUUID().slice(0, 8)}`;
}
