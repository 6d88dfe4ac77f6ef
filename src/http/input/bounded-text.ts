import { z } from 'zod';

/**
 * Text that PostgreSQL can store: no NUL characters, which it rejects, and no lone surrogates, which UTF-8 cannot
 * encode.
 */
export function boundedText(maxLength: number): z.ZodString {
  return z.string().trim().min(1).max(maxLength).refine(isStorable, 'must be Unicode text without the NUL character');
}

function isStorable(text: string): boolean {
  return !text.includes('\0') && !/\p{Surrogate}/u.test(text);
}
