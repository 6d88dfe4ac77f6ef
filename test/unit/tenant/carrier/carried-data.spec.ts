import { describe, expect, it } from '@jest/globals';
import { carrierIn, withCarrier } from '../../../../src/tenant/carrier/carried-data.js';

describe('data with a carrier', () => {
  it('is a copy that has it in one property', () => {
    const data = { orderId: 7 };
    expect(withCarrier(data, 'carrier')).toEqual({ orderId: 7, tenantCarrier: 'carrier' });
    expect(data).toEqual({ orderId: 7 });
    expect(carrierIn(withCarrier(data, 'carrier'))).toBe('carrier');
  });

  it('has the given one, also when a client has sent another', () => {
    const body: object = JSON.parse('{"tenantCarrier":"forged","orderId":7}') as object;
    expect(withCarrier(body, 'carrier')).toEqual({ orderId: 7, tenantCarrier: 'carrier' });
  });

  it.each([null, undefined, 'text', 7, [1]])('is an object, not %j', (data) => {
    expect(() => withCarrier(data as never, 'carrier')).toThrow(expect.objectContaining({ code: 'UNCARRIABLE_DATA' }));
  });

  it.each([null, undefined, 'text', {}, [], { tenantCarrier: 7 }, Object.create({ tenantCarrier: 'inherited' })])(
    'is missing in %j',
    (data) => {
      expect(() => carrierIn(data)).toThrow(expect.objectContaining({ code: 'MISSING_CARRIER' }));
    },
  );
});
