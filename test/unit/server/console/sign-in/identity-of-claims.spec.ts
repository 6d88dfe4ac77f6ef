import { describe, expect, it } from '@jest/globals';
import type { OidcConfig } from '../../../../../src/platform/config/app-config.js';
import { identityOf } from '../../../../../src/server/console/sign-in/identity-of-claims.js';

const OIDC = {
  issuer: 'https://login.test',
  rolesClaim: 'realm_access.roles',
  nameClaim: 'email',
  roles: [
    { value: 'staff', role: 'viewer', groups: undefined },
    { value: 'emea', role: 'operator', groups: ['emea'] },
    { value: 'apac', role: 'operator', groups: ['apac', 'emea'] },
    { value: 'ops', role: 'operator', groups: undefined },
    { value: 'chiefs', role: 'admin', groups: undefined },
  ],
} as unknown as OidcConfig;

const rightsOf = (roles: unknown) => identityOf({ sub: '1', realm_access: { roles } }, OIDC).rights;

describe('the rights of claims', () => {
  it.each<[unknown, object | undefined]>([
    [['staff'], { role: 'viewer', groups: undefined }],
    [['emea'], { role: 'operator', groups: ['emea'] }],
    [['apac', 'emea'], { role: 'operator', groups: ['apac', 'emea'] }],
    [['emea', 'ops'], { role: 'operator', groups: undefined }],
    [['staff', 'emea'], { role: 'operator', groups: ['emea'] }],
    [['emea', 'chiefs', 'staff'], { role: 'admin', groups: undefined }],
    ['ops', { role: 'operator', groups: undefined }],
    [[null, 7, { ops: true }, 'staff'], { role: 'viewer', groups: undefined }],
  ])('%j: the highest role, without limits where one value has none', (roles, rights) => {
    expect(rightsOf(roles)).toEqual(rights);
  });

  it.each([
    [[]],
    [['other']],
    [['Staff']],
    [['staff ']],
    ['staff,chiefs'],
    [{ staff: true }],
    [null],
    [undefined],
    [true],
  ])('%j gives none', (roles) => {
    expect(rightsOf(roles)).toBeUndefined();
  });

  it('prefers a claim of that name to the path', () => {
    const claims = { sub: '1', 'realm_access.roles': 'staff', realm_access: { roles: ['chiefs'] } };
    expect(identityOf(claims, OIDC).rights?.role).toBe('viewer');
  });

  it.each(['__proto__.roles', 'constructor.name', 'realm_access.roles.length'])('finds nothing at %s', (rolesClaim) => {
    expect(identityOf({ sub: '1', realm_access: { roles: 'staff' } }, { ...OIDC, rolesClaim }).rights).toBeUndefined();
  });
});

describe('the person', () => {
  it('is the subject at the issuer, whatever its name is', () => {
    expect(identityOf({ sub: '7', email: 'anna@a.test', iss: 'other' }, OIDC)).toMatchObject({
      issuer: 'https://login.test',
      subject: '7',
      name: 'anna@a.test',
    });
  });

  it.each([undefined, '', 7, 'x'.repeat(256), ['anna']])('has no name when the claim is %j', (email) => {
    expect(identityOf({ sub: '7', email }, OIDC).name).toBeUndefined();
  });

  it.each([undefined, '', 7, 'x'.repeat(256)])('is refused with the subject %j', (sub) => {
    expect(() => identityOf({ sub }, OIDC)).toThrow();
  });
});
