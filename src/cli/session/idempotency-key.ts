import { z } from 'zod';

/** As the header of the same name over REST. */
export const idempotencyKeyShape = z
  .string()
  .regex(/^[\x20-\x7e]{1,255}$/, 'an idempotency key must be 1-255 characters of printable ASCII')
  .optional();
