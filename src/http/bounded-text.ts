import { z } from 'zod';

/** Text that PostgreSQL stores as it is: it refuses the NUL character, and half a surrogate pair has no UTF-8. */
export function boundedText(maxLength: number): z.ZodString {
  return z.string().trim().min(1).max(maxLength).refine(isStorable, 'must be Unicode text without the NUL character');
}

function isStorable(text: string): boolean {
  return !text.includes('\0') && !/\p{Surrogate}/u.test(text);
}
