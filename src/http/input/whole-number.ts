import { z } from 'zod';

const DIGITS = /^\d{1,15}$/;

/**
 * A whole number given as text in a query or on the command line. `z.coerce` would accept an empty text as 0 and `0x10`
 * as 16: a forgotten grace period must not mean none.
 */
export function wholeNumber(min: number, max: number): z.ZodType<number> {
  return z.preprocess(parseDigits, z.int('must be a whole number').min(min).max(max));
}

function parseDigits(value: unknown): unknown {
  return typeof value === 'string' && DIGITS.test(value) ? Number(value) : value;
}
