import { describe, expect, it } from '@jest/globals';
import { MAX_LINES, MAX_QUANTITY, MAX_UNIT_PRICE, minorUnits, orderTotal } from '../../../../src/app/orders/amounts.js';

describe('amounts of money', () => {
  it('add up to the order total, line by line', () => {
    expect(
      orderTotal([
        { quantity: 2, unitPrice: 1250 },
        { quantity: 1, unitPrice: 490 },
      ]),
    ).toBe(2990);
  });

  it('stay exact in the largest order the API accepts', () => {
    const odd = { quantity: MAX_QUANTITY - 1, unitPrice: MAX_UNIT_PRICE - 1 };
    const lines = Array.from({ length: MAX_LINES }, () => odd);
    const exact = BigInt(MAX_LINES) * BigInt(odd.quantity) * BigInt(odd.unitPrice);
    expect(BigInt(orderTotal(lines))).toBe(exact);
    expect(MAX_LINES * MAX_QUANTITY * MAX_UNIT_PRICE).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
  });

  it('are numbers, although the driver returns bigint as text', () => {
    expect(minorUnits.from('999999999000000')).toBe(999_999_999_000_000);
  });
});
