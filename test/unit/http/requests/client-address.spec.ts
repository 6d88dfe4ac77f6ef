import { describe, expect, it } from '@jest/globals';
import { clientAddress } from '../../../../src/http/requests/client-address.js';

describe('the address of a caller', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.7:52100', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8::1', '2001:db8::1'],
    ['[2001:db8::1]:52100', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
  ])('is what a trusted proxy forwarded, without the port: %s', (ip, address) => {
    expect(clientAddress({ ip, socket: { remoteAddress: '10.0.0.1' } })).toBe(address);
  });

  it.each(['evil1', '203.0.113.7:evil', '999.1.1.1', '', 'x'.repeat(10_000)])(
    'is that of the proxy when no address was forwarded: %.20s',
    (ip) => {
      expect(clientAddress({ ip, socket: { remoteAddress: '::ffff:10.0.0.1' } })).toBe('10.0.0.1');
    },
  );

  it('is unknown when neither is an address', () => {
    expect(clientAddress({ ip: 'x', socket: {} })).toBe('unknown');
  });
});
