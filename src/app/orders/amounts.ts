import type { ValueTransformer } from 'typeorm';

// Amounts are integers in minor units (cents). The largest order, MAX_LINES lines of MAX_QUANTITY times MAX_UNIT_PRICE,
// is 10^15 and thus below 2^53, so an order's total is always exact.
export const MAX_LINES = 100;
export const MAX_QUANTITY = 10_000;
export const MAX_UNIT_PRICE = 1_000_000_000;

/** Total of the lines in minor units; exact within the limits above. */
export function orderTotal(lines: readonly { readonly quantity: number; readonly unitPrice: number }[]): number {
  return lines.reduce((total, { quantity, unitPrice }) => total + quantity * unitPrice, 0);
}

/** Reads a `bigint` column as a number. node-postgres returns text, because not every bigint is a safe integer. */
export const minorUnits: ValueTransformer = {
  to: (amount: number) => amount,
  from: (text: string) => Number(text),
};
