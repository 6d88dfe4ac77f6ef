import { z } from 'zod';

/** Text that PostgreSQL can store: it refuses the NUL character in every string. */
export function boundedText(maxLength: number): z.ZodString {
  return z
    .string()
    .trim()
    .min(1)
    .max(maxLength)
    .refine((text) => !text.includes('\0'), 'must not contain the NUL character');
}
