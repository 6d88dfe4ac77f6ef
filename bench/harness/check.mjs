import assert from 'node:assert/strict';
import { apiKeyOf, CUSTOMERS, customerIdOf, orderIdOf } from '../fixtures/names.mjs';
import { requestsOf } from './requests.mjs';

/**
 * Compares a program's responses with the fixtures, to make sure that all contestants do the same work. Sends one
 * request per tenant, one after the other.
 *
 * @throws AssertionError on any difference
 */
export async function check({ program, requests: { oneKey = false } = {} }, { group, tenants, orders }, run) {
  for (let tenant = 0; tenant < tenants; tenant++) await checkRead(program, { group, tenant, oneKey, n: orders - 1 });
  const base = { group, tenants: 1, orders, choice: 'uniform', seed: 1, run, oneKey };
  const page = await send(program, requestsOf({ ...base, work: 'list' }, 1)[0], 200);
  assert.equal(page.items.length, Math.min(20, orders), `${program.name}: orders of a page`);
  assert.ok(page.items.every(({ lines }) => lines.length === 3));
  assert.equal(typeof page.nextCursor, orders > 20 ? 'string' : 'object');
  const [insert] = requestsOf({ ...base, work: 'insert' }, 1);
  const created = await send(program, insert, 201);
  const { lines, number, customerId } = JSON.parse(insert.body);
  const { id, createdAt, updatedAt, ...rest } = created;
  assert.deepEqual(rest, {
    number,
    customerId,
    status: 'draft',
    currency: 'EUR',
    total: 6008,
    lines,
    version: 1,
  });
  assert.deepEqual(await read(program, group, 0, id), { id, ...rest, createdAt, updatedAt });
}

async function checkRead(program, { group, tenant, oneKey, n }) {
  const id = orderIdOf(group, tenant, n);
  const { createdAt, updatedAt, ...order } = await read(program, group, oneKey ? 0 : tenant, id);
  assert.equal(createdAt, updatedAt);
  assert.deepEqual(order, {
    id,
    number: `O-${tenant}-${n}`,
    customerId: customerIdOf(group, tenant, n % CUSTOMERS),
    status: 'paid',
    currency: 'EUR',
    total: 6008,
    lines: [0, 1, 2].map((line) => ({ description: `Item ${line}`, quantity: line + 1, unitPrice: 1000 + line })),
    version: 1,
  });
}

function read(program, group, holder, id) {
  const headers = { authorization: `Bearer ${apiKeyOf(group, holder).token}` };
  return send(program, { method: 'GET', path: `/api/v1/orders/${id}`, headers }, 200);
}

async function send({ name, url, ...program }, { path, ...request }, expected) {
  const response = await fetch(url + path, request);
  const text = await response.text();
  assert.equal(response.status, expected, `${name} answered ${request.method} ${path} with ${text}\n${program.output}`);
  return JSON.parse(text);
}
