import { StandardSchemaValidationPipe } from '@nestjs/common';
import { type FieldProblem, ValidationFailedError } from '../platform/errors/request.errors.js';

/** More would help nobody, and a hostile body could cause millions. */
const MAX_FIELDS = 50;
const LONGEST_KEY = 100;

interface Issue {
  readonly path?: readonly unknown[] | undefined;
  readonly message: string;
  /** What zod adds to an issue about fields that nobody knows. */
  readonly keys?: readonly string[];
}

class StrictValidationPipe extends StandardSchemaValidationPipe {
  /**
   * Nest would take `constructor` and `prototype` out of what was sent, and accept the rest; walking through 1 MiB of
   * nested arrays for it keeps everybody waiting for seconds. Our schemas are strict: they refuse such fields by name.
   * Fastify refuses `__proto__`.
   */
  protected override stripProtoKeys(): void {
    // nothing to do
  }
}

/** Checks bodies, queries and path parameters against the zod schema on their decorator. */
export const validationPipe = new StrictValidationPipe({
  exceptionFactory: (issues) => new ValidationFailedError(issues.slice(0, MAX_FIELDS).flatMap(problemsOf)),
});

function problemsOf({ path = [], message, keys }: Issue): FieldProblem[] {
  if (!keys) return [{ field: join(path), message }];
  return keys
    .slice(0, MAX_FIELDS)
    .map((key) => ({ field: join([...path, key.slice(0, LONGEST_KEY)]), message: 'is not a known field' }));
}

function join(path: readonly unknown[]): string {
  return path.map((segment) => String(isKeyed(segment) ? segment.key : segment)).join('.');
}

function isKeyed(segment: unknown): segment is { readonly key: unknown } {
  return typeof segment === 'object' && segment !== null && 'key' in segment;
}
