import { apiKeyOf, CUSTOMERS, customerIdOf, orderIdOf } from '../fixtures/names.mjs';
import { chooser, seededRandom } from './random.mjs';

/** A host name that belongs to no tenant, as a whole API is usually served under one. */
const API_HOST = 'api.example.com';

/** Shares of the kinds of request in each work. `tenant` returns the caller's own tenant and needs no statement. */
export const WORKS = {
  tenant: { tenant: 1 },
  read: { read: 1 },
  list: { list: 1 },
  insert: { insert: 1 },
  mix: { read: 0.8, list: 0.15, insert: 0.05 },
};

const LINES = [0, 1, 2].map((n) => ({ description: `Item ${n}`, quantity: n + 1, unitPrice: 1000 + n }));

/**
 * Generates requests in the order in which they are sent.
 *
 * @param work a name in `WORKS`
 * @param group, tenants, orders the fixtures: how many tenants, and how many orders each has
 * @param choice how tenants are chosen: see `chooser`
 * @param seed the same seed gives the same requests
 * @param run part of the numbers of new orders, which must be unique
 * @param oneKey all requests carry the first tenant's key: for programs without tenants
 * @param host the `Host` header; null: the address of the server
 */
export function requestsOf({ work, group, tenants, orders, choice, seed, run, oneKey, host = API_HOST }, count) {
  const random = seededRandom(seed);
  const chooseTenant = chooser(choice, tenants, random);
  const chooseKind = kinds(WORKS[work], random);
  const headers = headersOf(group, oneKey, host);
  return Array.from({ length: count }, (_, n) => {
    const tenant = chooseTenant();
    const kind = chooseKind();
    const request = { method: 'GET', path: '/api/v1/orders', headers: headers(tenant) };
    if (kind === 'tenant') {
      request.path = '/api/v1/tenant';
    } else if (kind === 'read') {
      request.path += `/${orderIdOf(group, tenant, Math.floor(random() * orders))}`;
    } else if (kind === 'list') {
      request.path += '?limit=20';
    } else {
      request.method = 'POST';
      request.headers = { ...request.headers, 'content-type': 'application/json' };
      request.body = JSON.stringify({
        number: `${run}-${n}`,
        customerId: customerIdOf(group, tenant, Math.floor(random() * CUSTOMERS)),
        currency: 'EUR',
        lines: LINES,
      });
    }
    return request;
  });
}

function kinds(shares, random) {
  const [last, ...others] = Object.keys(shares).toReversed();
  return () => {
    let at = random();
    for (const kind of others.toReversed()) {
      at -= shares[kind];
      if (at < 0) return kind;
    }
    return last;
  };
}

function headersOf(group, oneKey, host) {
  const cached = new Map();
  return (tenant) => {
    const holder = oneKey ? 0 : tenant;
    if (!cached.has(holder)) {
      const authorization = `Bearer ${apiKeyOf(group, holder).token}`;
      cached.set(holder, host === null ? { authorization } : { authorization, host });
    }
    return cached.get(holder);
  };
}
