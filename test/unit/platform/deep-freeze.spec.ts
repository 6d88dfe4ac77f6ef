import { describe, expect, it } from '@jest/globals';
import { deepFreeze } from '../../../src/platform/deep-freeze.js';

describe('deepFreeze', () => {
  it('freezes plain objects and arrays at every level, also one that contains itself', () => {
    const value: { list: { name: string }[]; self?: unknown } = { list: [{ name: 'a' }] };
    value.self = value;
    expect(deepFreeze(value)).toBe(value);
    expect([value, value.list, value.list[0]].every((part) => Object.isFrozen(part))).toBe(true);
  });

  it('leaves other objects as they are', () => {
    class Currency {
      rate = 1;
    }
    const value = deepFreeze({ pattern: /a/g, currency: new Currency(), bytes: Buffer.from('a'), at: new Date(0) });
    expect(value.pattern.test('a')).toBe(true);
    value.currency.rate = 2;
    expect(value.currency.rate).toBe(2);
  });
});
