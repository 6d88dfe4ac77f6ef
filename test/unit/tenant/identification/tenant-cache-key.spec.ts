import { describe, expect, it } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { setRequestState } from '../../../../src/http/requests/request-state.js';
import type { Caller } from '../../../../src/tenant/identification/caller.js';
import { tenantCacheKey } from '../../../../src/tenant/identification/tenant-cache-key.js';

const tenant = (id: string, principal?: unknown): Caller =>
  ({ kind: 'tenant', tenant: { id }, scope: { tenant: { id } }, principal, rejection: undefined }) as unknown as Caller;

interface Request {
  readonly method?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

function keyOf(caller: Caller, { method = 'GET', url = '/orders', headers = {} }: Request = {}): string | undefined {
  const request = { method, url, raw: {}, headers: { authorization: 'Bearer one', ...headers } };
  setRequestState(request as unknown as FastifyRequest, {
    caller,
    usage: { statements: 0, waitMs: 0 },
    identifiedBy: {},
  });
  return tenantCacheKey({ switchToHttp: () => ({ getRequest: () => request }) } as unknown as ExecutionContext);
}

describe('the key of a cached response', () => {
  it('is the same for the same request', () => {
    expect(keyOf(tenant('a'))).toBeDefined();
    expect(keyOf(tenant('a'))).toBe(keyOf(tenant('a')));
  });

  it('differs by tenant, credential, cookie, principal and address', () => {
    const keys = [
      keyOf(tenant('a')),
      keyOf(tenant('b')),
      keyOf(tenant('a'), { headers: { authorization: 'Bearer two' } }),
      keyOf(tenant('a'), { headers: { cookie: 'session=1' } }),
      keyOf(tenant('a', { user: 'ada' })),
      keyOf(tenant('a', { user: 'bob' })),
      keyOf(tenant('a'), { url: '/orders?page=2' }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('does not contain the credential', () => {
    const headers = { authorization: 'Bearer hunter2', cookie: 'session=hunter2' };
    expect(keyOf(tenant('a'), { headers })).not.toContain('hunter2');
  });

  it.each<[string, Caller, Request]>([
    ['a principal that cannot be told from others', tenant('a', { id: 1n }), {}],
    ['a request that changes something', tenant('a'), { method: 'POST' }],
    ['a request of nobody', { kind: 'anonymous' }, {}],
    ['an operator', { kind: 'admin' }, {}],
    ['a refused caller', { kind: 'refused', rejection: new Error() }, {}],
    ['a tenant that is not served', { ...tenant('a'), scope: undefined } as Caller, {}],
    ['Cache-Control: no-store', tenant('a'), { headers: { 'cache-control': 'max-age=0, No-Store' } }],
    ['Cache-Control: no-cache', tenant('a'), { headers: { 'cache-control': 'no-cache' } }],
  ])('is none, so that nothing is cached, for %s', (_what, caller, request) => {
    expect(keyOf(caller, request)).toBeUndefined();
  });
});
