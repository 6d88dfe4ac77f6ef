import { StandardSchemaValidationPipe } from '@nestjs/common';
import { type FieldProblem, ValidationFailedError } from '../errors/request.errors.js';

/** More would help nobody, and a hostile body could cause millions. */
const MOST_FIELDS = 50;
const LONGEST_KEY = 100;

interface Issue {
  readonly path?: readonly unknown[] | undefined;
  readonly message: string;
  /** What zod adds to an issue about fields that nobody knows. */
  readonly keys?: readonly string[];
}

/** Checks bodies, queries and path parameters against the zod schema on their decorator. */
export const validationPipe = new StandardSchemaValidationPipe({
  exceptionFactory: (issues) => new ValidationFailedError(issues.slice(0, MOST_FIELDS).flatMap(problemsOf)),
});

function problemsOf({ path = [], message, keys }: Issue): FieldProblem[] {
  if (!keys) return [{ field: join(path), message }];
  return keys
    .slice(0, MOST_FIELDS)
    .map((key) => ({ field: join([...path, key.slice(0, LONGEST_KEY)]), message: 'is not a known field' }));
}

function join(path: readonly unknown[]): string {
  return path.map((segment) => String(isKeyed(segment) ? segment.key : segment)).join('.');
}

function isKeyed(segment: unknown): segment is { readonly key: unknown } {
  return typeof segment === 'object' && segment !== null && 'key' in segment;
}
