import { createHmac, randomBytes } from 'node:crypto';
import type { ColumnMasks } from '../../index.js';

/** Of this process alone, so that a value cannot be found by masking guesses of it. */
const key = randomBytes(32);

function pseudonymOf(text: string): string {
  return createHmac('sha256', key).update(text).digest('hex').slice(0, 16);
}

/** For clones that leave production: the same customer keeps one name and one email within a clone. */
export const CUSTOMER_MASKS: ColumnMasks = {
  customers: {
    email: (text) => `${pseudonymOf(text)}@example.com`,
    name: (text) => `Customer ${pseudonymOf(text)}`,
  },
};
