import { describe, expect, it } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { newUsage } from '../../../../src/database/statements/usage.js';
import { setRequestState } from '../../../../src/http/requests/request-state.js';
import { ADMIN_KEY_OPERATOR } from '../../../../src/catalog/model/operator.js';
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
    usage: newUsage(),
    identifiedBy: {},
  });
  return tenantCacheKey({ switchToHttp: () => ({ getRequest: () => request }) } as unknown as ExecutionContext);
}

class PrivateUser {
  readonly #id: string;

  constructor(id: string) {
    this.#id = id;
  }

  get id(): string {
    return this.#id;
  }
}

class NamedUser extends PrivateUser {
  toJSON(): string {
    return this.id;
  }
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
    ['a request that changes something', tenant('a'), { method: 'POST' }],
    ['a request of nobody', { kind: 'anonymous' }, {}],
    ['an operator', { kind: 'operator', operator: ADMIN_KEY_OPERATOR }, {}],
    ['a refused caller', { kind: 'refused', rejection: new Error() }, {}],
    ['a tenant that is not served', { ...tenant('a'), scope: undefined } as Caller, {}],
    ['Cache-Control: no-store', tenant('a'), { headers: { 'cache-control': 'max-age=0, No-Store' } }],
    ['Cache-Control: no-cache', tenant('a'), { headers: { 'cache-control': 'no-cache' } }],
  ])('is none, so that nothing is cached, for %s', (_what, caller, request) => {
    expect(keyOf(caller, request)).toBeUndefined();
  });

  it('differs by what JSON would leave out of a principal', () => {
    const principals = [
      ...[undefined, null, 'null', Number.NaN, Infinity, 1n, '1', 1, ['bigint', '1'], [], {}, { user: undefined }],
      ...[new Set(['ada']), new Set(['bob']), ['ada'], [['ada', 1]], new Map([['ada', 1]]), new Map([['bob', 1]])],
      ...[new Date(0), new Date(1), new Date(0).toJSON(), { roles: new Set(['a']) }, { roles: new Set(['b']) }],
      ...[
        new NamedUser('ada'),
        new NamedUser('bob'),
        'ada',
        { of: new Map([[{ id: 1 }, 1]]) },
        { of: new Map([[{ id: 2 }, 1]]) },
      ],
    ];
    const keys = principals.map((principal) => keyOf(tenant('a', principal)));
    expect(new Set(keys).size).toBe(principals.length);
  });

  it('is the same for a principal with the same content', () => {
    const principal = (): object => ({
      id: 1n,
      roles: new Set(['a']),
      of: new Map([['x', { y: [1] }]]),
      user: new NamedUser('ada'),
    });
    expect(keyOf(tenant('a', principal()))).toBe(keyOf(tenant('a', principal())));
    expect(keyOf(tenant('a', { one: 1, two: 2 }))).toBe(keyOf(tenant('a', { two: 2, one: 1 })));
    expect(keyOf(tenant('a', Object.assign(Object.create(null), { one: 1 })))).toBe(keyOf(tenant('a', { one: 1 })));
  });

  const circular: Record<string, unknown> = {};
  circular['self'] = circular;

  it.each<[string, unknown, string]>([
    ['with private fields', new PrivateUser('ada'), 'principal'],
    ['with private fields inside', { user: [new PrivateUser('ada')] }, 'principal.user.0'],
    ['of a class that extends Map', new (class Roles extends Map {})(), 'principal'],
    ['of a class that extends Array', { roles: new (class Roles extends Array {})() }, 'principal.roles'],
    ['with a property that is not enumerable', Object.defineProperty({}, 'id', { value: 1 }), 'principal'],
    ['with a symbol', { [Symbol('id')]: 1 }, 'principal'],
    ['with a property of a Set', Object.assign(new Set(), { id: 1 }), 'principal'],
    ['with a function', { may: () => true }, 'principal.may'],
    ['that is bytes', new Uint8Array([1]), 'principal'],
    ['that is circular', circular, `principal${'.self'.repeat(16)}`],
  ])('is refused for a principal %s, which two callers could have in common', (_what, principal, path) => {
    expect(() => keyOf(tenant('a', principal))).toThrow(
      expect.objectContaining({ code: 'UNCACHEABLE_PRINCIPAL', path, message: expect.stringContaining(`${path} `) }),
    );
    expect(keyOf(tenant('a', principal), { method: 'POST' })).toBeUndefined();
  });
});
