import type { z } from 'zod';
import { ValidationFailedError } from './request.errors.js';

/** Parses a request that did not arrive over HTTP. @throws ValidationFailedError */
export function parseOrThrow<Output>(schema: z.ZodType<Output>, request: unknown): Output {
  const result = schema.safeParse(request);
  if (result.success) return result.data;
  throw new ValidationFailedError(
    result.error.issues.map(({ path, message }) => ({ field: path.map(String).join('.'), message })),
  );
}
