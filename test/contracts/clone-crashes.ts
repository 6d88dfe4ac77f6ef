import { expect } from '@jest/globals';
import type { Operators } from '../support/operations/operators.js';
import type { Json } from '../support/test-app.js';
import { type CrashCase, type Isolation, provisioned, works } from './operation-crashes.js';

const ROWS = 3;

/** Clones a tenant; the clone has its rows once, and either is changed without the other. */
export async function cloneCase(operators: Operators, from: Isolation, to: Isolation): Promise<CrashCase> {
  const source = await provisioned(operators, from);
  await works(operators, source); // adds a row
  const sourceKey = await keyOf(operators, source);
  for (let n = 1; n < ROWS; n += 1) await write(operators, sourceKey, `row-${n}`);
  const expected = await rowsOf(operators, sourceKey);
  expect(expected).toHaveLength(ROWS);
  const slug = `${source}-clone`;
  return {
    kind: 'clone',
    request: async () => {
      const body = { slug, isolation: to };
      return (await operators.call('POST', `/admin/v1/tenants/${source}/clone`, body)).body.operation;
    },
    verify: async () => {
      const { body } = await operators.call('GET', `/admin/v1/tenants/${slug}`);
      expect(body).toMatchObject({ isolation: to, status: 'active' });
      const key = await keyOf(operators, slug);
      expect(await rowsOf(operators, key)).toEqual(expected);
      await write(operators, key, 'later');
      expect(await rowsOf(operators, sourceKey)).toEqual(expected);
    },
  };
}

async function keyOf(operators: Operators, slug: string): Promise<string> {
  return (await operators.call('POST', `/admin/v1/tenants/${slug}/api-keys`, {})).body.token;
}

async function write(operators: Operators, key: string, name: string): Promise<void> {
  const body = { name, email: `${name}@example.com` };
  expect((await operators.call('POST', '/api/v1/customers', body, key)).status).toBe(201);
}

async function rowsOf(operators: Operators, key: string): Promise<Json[]> {
  const { status, body } = await operators.call('GET', '/api/v1/customers?limit=100', undefined, key);
  expect(status).toBe(200);
  return body.items.toSorted((a: Json, b: Json) => (a.id < b.id ? -1 : 1));
}
