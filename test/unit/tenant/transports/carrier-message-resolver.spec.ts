import { describe, expect, it } from '@jest/globals';
import { CarrierMessageResolver } from '../../../../src/tenant/transports/carrier-message.resolver.js';
import { withCarrier } from '../../../../src/tenant/carrier/carried-data.js';
import { TenantCarriers } from '../../../../src/tenant/carrier/tenant-carriers.js';
import { AFTER, STRANGER } from '../../../support/encryption/rings.js';

const carriers = new TenantCarriers(AFTER);
const resolver = new CarrierMessageResolver(carriers);
const message = (data: unknown) => ({ data, context: {} });

describe('the resolver of messages with a carrier', () => {
  it('returns the tenant and the principal of the carrier', () => {
    const resolved = (principal: unknown): unknown =>
      resolver.resolve(message(withCarrier({ text: 'x' }, carriers.seal('tenant-id', principal))));
    expect(resolved({ user: 1 })).toEqual({ tenant: 'tenant-id', principal: { user: 1 } });
    expect(resolved(undefined)).toEqual({ tenant: 'tenant-id' });
  });

  it.each([undefined, null, 'text', {}, Object.create({ tenantCarrier: 'inherited' })])(
    'returns nothing for a message without one: %j',
    (data) => {
      expect(resolver.resolve(message(data))).toBeUndefined();
    },
  );

  it.each([
    ['of another installation', new TenantCarriers(STRANGER).seal('tenant-id', undefined)],
    ['that is none', 'forged'],
    ['that is an object', { t: 'tenant-id' }],
    ['that is null', null],
  ])('refuses a carrier %s as a caller without a credential', (_which, carrier) => {
    expect(() => resolver.resolve(message({ tenantCarrier: carrier }))).toThrow(
      expect.objectContaining({ code: 'UNAUTHENTICATED' }),
    );
  });

  it('finds it elsewhere where a subclass says so', () => {
    class HeaderResolver extends CarrierMessageResolver {
      protected override carrierOf({ context }: { context: unknown }): unknown {
        return (context as { header?: string }).header;
      }
    }
    const header = carriers.seal('tenant-id', undefined);
    expect(new HeaderResolver(carriers).resolve({ data: {}, context: { header } })).toEqual({ tenant: 'tenant-id' });
  });
});
