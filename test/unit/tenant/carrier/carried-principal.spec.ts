import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { MAX_PRINCIPAL_BYTES, principalJson } from '../../../../src/tenant/carrier/carried-principal.js';
import { TenantCarriers } from '../../../../src/tenant/carrier/tenant-carriers.js';
import { AFTER } from '../../../support/encryption/rings.js';

class User {
  readonly id = 1;
}
const cycle: Record<string, unknown> = {};
cycle['self'] = cycle;

const refused = (path: string) => expect.objectContaining({ code: 'UNCARRIABLE_PRINCIPAL', path });

describe('a principal', () => {
  it.each([
    'user-1',
    7,
    true,
    [],
    [{ id: 1 }],
    { id: 1, name: 'é\u2028', at: null },
    Object.assign(Object.create(null) as object, { id: 1 }),
    runInNewContext('({ roles: ["admin"] })'),
  ])('travels when it is JSON: %j', (principal) => {
    expect(JSON.parse(principalJson(principal))).toEqual(principal);
  });

  it('loses properties that are undefined, which read the same', () => {
    expect(principalJson({ id: 1, role: undefined })).toBe('{"id":1}');
  });

  it.each([
    ['principal', new User()],
    ['principal', new Map()],
    ['principal', () => 1],
    ['principal', Symbol('x')],
    ['principal', 1n],
    ['principal.at', { at: new Date() }],
    ['principal.users.1', { users: [{}, new User()] }],
    ['principal.score', { score: Number.NaN }],
    ['principal.score', { score: Infinity }],
    ['principal.list.0', { list: [undefined] }],
    ['principal.toJSON', { toJSON: () => ({ id: 1 }) }],
    [`principal${'.self'.repeat(16)}`, cycle],
    ['principal', { name: 'a'.repeat(MAX_PRINCIPAL_BYTES) }],
  ])('is refused where it would not arrive as it is, at %s', (path, principal) => {
    expect(() => principalJson(principal)).toThrow(refused(path));
  });

  it('is refused without a word about its content', () => {
    expect(() => principalJson({ token: { secret: new User() } })).toThrow(
      'principal.token.secret is an instance of a class',
    );
  });

  it('cannot change prototypes', () => {
    const hostile: unknown = JSON.parse('{"claims":{"__proto__":{"isAdmin":true}}}');
    expect(() => principalJson(hostile)).toThrow(refused('principal.claims'));
    const carriers = new TenantCarriers(AFTER);
    const harmless: unknown = JSON.parse('{"constructor":{"prototype":{"isAdmin":true}}}');
    const { principal } = carriers.open(carriers.seal('tenant', harmless));
    Object.assign({}, principal);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
    expect(Object.getPrototypeOf(principal)).toBe(Object.prototype);
  });

  it('of the largest size makes a carrier that opens', () => {
    const carriers = new TenantCarriers(AFTER);
    const largest = 'x'.repeat(MAX_PRINCIPAL_BYTES - 2);
    expect(carriers.open(carriers.seal('t'.repeat(64), largest, 1e15))).toMatchObject({ principal: largest });
  });
});
