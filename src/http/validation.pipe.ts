import { StandardSchemaValidationPipe } from '@nestjs/common';
import { type FieldProblem, ValidationFailedError } from '../platform/errors/request.errors.js';

/** Bounds the response: a hostile body could cause millions of errors. */
const MAX_FIELDS = 50;
const MAX_KEY_LENGTH = 100;

interface Issue {
  readonly path?: readonly unknown[] | undefined;
  readonly message: string;
  /** Set by zod on issues about unknown fields. */
  readonly keys?: readonly string[];
}

class StrictValidationPipe extends StandardSchemaValidationPipe {
  /**
   * Nest would strip `constructor` and `prototype` from the body and accept the rest; traversing 1 MiB of nested arrays
   * for it blocks the event loop for seconds. The schemas are strict and reject such fields by name; Fastify rejects
   * `__proto__`.
   */
  protected override stripProtoKeys(): void {
    // intentionally empty
  }
}

/** Validates bodies, queries and path parameters against the zod schema in their decorator. */
export const validationPipe = new StrictValidationPipe({
  exceptionFactory: (issues) => new ValidationFailedError(issues.slice(0, MAX_FIELDS).flatMap(fieldProblems)),
});

function fieldProblems({ path = [], message, keys }: Issue): FieldProblem[] {
  if (!keys) return [{ field: join(path), message }];
  return keys
    .slice(0, MAX_FIELDS)
    .map((key) => ({ field: join([...path, key.slice(0, MAX_KEY_LENGTH)]), message: 'is not a known field' }));
}

function join(path: readonly unknown[]): string {
  return path.map((segment) => String(isKeyed(segment) ? segment.key : segment)).join('.');
}

function isKeyed(segment: unknown): segment is { readonly key: unknown } {
  return typeof segment === 'object' && segment !== null && 'key' in segment;
}
