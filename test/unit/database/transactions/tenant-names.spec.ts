import { describe, expect, it } from '@jest/globals';
import { channelOf, lockKeyOf } from '../../../../src/database/transactions/session-lease.js';

const [one, other] = ['7d6f5c1e-0c1f-4a53-9a43-6a7d3c1d8a10', '7d6f5c1e-0c1f-4a53-9a43-6a7d3c1d8a11'];
const names = [
  '',
  'a',
  'orders',
  'Ä'.repeat(13),
  'x'.repeat(26),
  'x'.repeat(27),
  `${'x'.repeat(200)}1`,
  `${'x'.repeat(200)}2`,
];
const pairs = [one, other].flatMap((tenantId) => names.map((name) => [tenantId, name] as const));

describe('a name of a tenant', () => {
  it('stands for a channel of its own, within the length that PostgreSQL keeps', () => {
    const channels = pairs.map((pair) => channelOf(...pair));
    expect(new Set(channels).size).toBe(pairs.length);
    for (const channel of channels) expect(Buffer.byteLength(channel)).toBeLessThanOrEqual(63);
    expect(channelOf(one, 'x'.repeat(26))).toBe(`${one}:${'x'.repeat(26)}`);
  });

  it('never stands for the channel that a longer name is hashed to', () => {
    const hashed = channelOf(one, 'x'.repeat(200));
    expect(channelOf(one, hashed.slice(one.length + 1))).not.toBe(hashed);
  });

  it('stands for a lock of its own, a signed 64-bit number', () => {
    const keys = pairs.map((pair) => lockKeyOf(...pair));
    expect(new Set(keys).size).toBe(pairs.length);
    for (const key of keys) expect(BigInt.asIntN(64, BigInt(key)).toString()).toBe(key);
    expect(lockKeyOf(one, 'stock')).toBe(lockKeyOf(one, 'stock'));
  });
});
