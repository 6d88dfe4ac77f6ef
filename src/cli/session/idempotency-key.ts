import { z } from 'zod';

/** Same rule as the REST API's `Idempotency-Key` header. */
export const idempotencyKeySchema = z
  .string()
  .regex(/^[\x20-\x7e]{1,255}$/, 'an idempotency key must be 1-255 characters of printable ASCII')
  .optional();
