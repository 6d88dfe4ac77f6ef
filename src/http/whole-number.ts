import { z } from 'zod';

const DIGITS = /^\d{1,15}$/;

/**
 * A number of a query or a command line, where it is text. `z.coerce` would make 0 of an empty text and 16 of `0x10`:
 * whoever forgets the value of a grace period does not mean none.
 */
export function wholeNumber(min: number, max: number): z.ZodType<number, unknown> {
  return z.preprocess(numberOfDigits, z.int('must be a whole number').min(min).max(max));
}

function numberOfDigits(value: unknown): unknown {
  return typeof value === 'string' && DIGITS.test(value) ? Number(value) : value;
}
