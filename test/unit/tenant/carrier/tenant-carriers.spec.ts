import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { sealMessage } from '../../../../src/platform/encryption/sealed-message.js';
import { TenantCarriers } from '../../../../src/tenant/carrier/tenant-carriers.js';
import { AFTER, BEFORE, DURING, STRANGER } from '../../../support/encryption/rings.js';

const TENANT = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';
const carriers = new TenantCarriers(AFTER);
const INVALID = expect.objectContaining({ code: 'INVALID_CARRIER' });

afterEach(() => void jest.useRealTimers());

describe('a carrier', () => {
  it('carries the tenant and the principal, and shows neither', () => {
    const principal = { sub: 'u-7', roles: ['admin'], nested: { deep: [null, 1.5, true] } };
    const carrier = carriers.seal(TENANT, principal);
    expect(carriers.open(carrier)).toEqual({ tenantId: TENANT, principal });
    expect(Buffer.from(carrier.split('.')[2] ?? '', 'base64url').toString()).not.toMatch(/6f9619ff|u-7|admin/);
    expect(carrier).toMatch(/^tc1\.new\.[\w-]+$/);
  });

  it('has no principal when the call has none', () => {
    for (const none of [undefined, null])
      expect(carriers.open(carriers.seal(TENANT, none))).toEqual({ tenantId: TENANT });
  });

  it('does not expire, unless it says so', () => {
    jest.useFakeTimers({ now: 1_000 });
    const [forever, brief] = [carriers.seal(TENANT, undefined), carriers.seal(TENANT, undefined, 500)];
    jest.setSystemTime(1_499);
    expect(carriers.open(brief)).toEqual({ tenantId: TENANT, expiresAt: 1_500 });
    jest.setSystemTime(1_500);
    expect(() => carriers.open(brief)).toThrow(expect.objectContaining({ code: 'CARRIER_EXPIRED' }));
    jest.setSystemTime(Number.MAX_SAFE_INTEGER / 2);
    expect(carriers.open(forever)).toEqual({ tenantId: TENANT });
  });

  it.each([0, -1, 1.5, Number.NaN, Infinity, Number.MAX_VALUE])('has no expiry of %p ms', (expiresInMs) => {
    expect(() => carriers.seal(TENANT, undefined, expiresInMs)).toThrow(
      expect.objectContaining({ code: 'INVALID_CARRIER_EXPIRY' }),
    );
  });

  it('opens while its key is in ENCRYPTION_KEYS, and for no other installation', () => {
    const old = new TenantCarriers(BEFORE).seal(TENANT, undefined);
    expect(new TenantCarriers(DURING).open(old)).toEqual({ tenantId: TENANT });
    for (const ring of [AFTER, STRANGER]) expect(() => new TenantCarriers(ring).open(old)).toThrow(INVALID);
  });

  it('does not open when any of its characters is another one, missing, or added', () => {
    const carrier = carriers.seal(TENANT, { sub: 'u' });
    for (let at = 0; at < carrier.length; at += 1) {
      for (const other of ['A', 'B', '.', '']) {
        const changed = carrier.slice(0, at) + other + carrier.slice(at + 1);
        if (changed !== carrier) expect(() => carriers.open(changed)).toThrow(INVALID);
      }
    }
    for (const added of [`${carrier}A`, ` ${carrier}`, `${carrier}\n`, `${carrier}=`, carrier.toUpperCase()])
      expect(() => carriers.open(added)).toThrow(INVALID);
  });

  it('is nothing that the same keys have sealed for another purpose', () => {
    const content = JSON.stringify({ t: TENANT });
    for (const text of [sealMessage(AFTER, content, 'other/1'), AFTER.encrypt(content, 'tenantry/tenant-carrier/1')])
      expect(() => carriers.open(`tc1.${text}`)).toThrow(INVALID);
  });

  it.each([
    'null',
    '[]',
    'text',
    '{}',
    '{"t":""}',
    '{"t":1}',
    `{"t":"${'a'.repeat(65)}"}`,
    '{"t":"a","e":-1}',
    '{"t":"a","e":"1"}',
    '{"t":"a","x":1}',
  ])('has no content %s, also when it is authentic', (content) => {
    expect(() => carriers.open(`tc1.${sealMessage(AFTER, content, 'tenantry/tenant-carrier/1')}`)).toThrow(INVALID);
  });

  it.each([undefined, null, 7, {}, [], '', 'tc1', 'tc1.', 'tc2.new.AAAA', 'a'.repeat(1_000_000), ['tc1.new.AAAA']])(
    'is not %p',
    (hostile) => {
      expect(() => carriers.open(hostile)).toThrow(INVALID);
    },
  );

  it('says to clients that it is not valid, and no more', () => {
    expect(() => carriers.open(`tc1.unknown.${'A'.repeat(100)}`)).toThrow(
      expect.objectContaining({ publicMessage: 'the tenant carrier is not valid' }),
    );
  });
});
