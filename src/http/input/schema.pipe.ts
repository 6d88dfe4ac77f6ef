import type { PipeTransform } from '@nestjs/common';
import type { z } from 'zod';
import { type FieldProblem, ValidationFailedError } from '../../platform/errors/request.errors.js';

/** Bounds the response: a hostile body could cause millions of errors. */
const MAX_FIELDS = 50;
const MAX_KEY_LENGTH = 100;

/** What `fieldProblems` reads of an issue of zod, or of a Standard Schema issue from Nest. */
interface Issue {
  readonly path?: readonly unknown[] | undefined;
  readonly message: string;
  /** Set on issues about unknown fields. */
  readonly keys?: readonly string[];
}

/**
 * Validates a value against a zod schema. Schemas are strict and reject unknown fields by name, `constructor` and
 * `prototype` among them, which Nest's own pipe would remove from the body after traversing all of it.
 */
export class SchemaPipe<Output> implements PipeTransform<unknown, Output> {
  constructor(private readonly schema: z.ZodType<Output>) {}

  /** @throws ValidationFailedError */
  transform(value: unknown): Output {
    const result = this.schema.safeParse(value);
    if (result.success) return result.data;
    throw validationFailure(result.error.issues);
  }
}

export function validationFailure(issues: readonly Issue[]): ValidationFailedError {
  return new ValidationFailedError(issues.slice(0, MAX_FIELDS).flatMap(fieldProblems));
}

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
