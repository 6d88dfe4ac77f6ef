import type { PipeTransform } from '@nestjs/common';
import type { z } from 'zod';
import { type FieldProblem, ValidationFailedError } from '../platform/errors/request.errors.js';

/** Bounds the response: a hostile body could cause millions of errors. */
const MAX_FIELDS = 50;
const MAX_KEY_LENGTH = 100;

type Issue = z.core.$ZodIssue;

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
    throw new ValidationFailedError(result.error.issues.slice(0, MAX_FIELDS).flatMap(fieldProblems));
  }
}

function fieldProblems(issue: Issue): FieldProblem[] {
  const { path, message } = issue;
  if (issue.code !== 'unrecognized_keys') return [{ field: join(path), message }];
  return issue.keys
    .slice(0, MAX_FIELDS)
    .map((key) => ({ field: join([...path, key.slice(0, MAX_KEY_LENGTH)]), message: 'is not a known field' }));
}

function join(path: readonly PropertyKey[]): string {
  return path.map(String).join('.');
}
