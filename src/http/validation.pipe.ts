import { StandardSchemaValidationPipe } from '@nestjs/common';
import { ValidationFailedError } from '../errors/request.errors.js';

/** More would help nobody, and a hostile body could cause millions. */
const MOST_FIELDS = 50;

/** Checks bodies, queries and path parameters against the zod schema on their decorator. */
export const validationPipe = new StandardSchemaValidationPipe({
  exceptionFactory: (issues) =>
    new ValidationFailedError(
      issues.slice(0, MOST_FIELDS).map(({ path, message }) => ({
        field: (path ?? []).map((segment) => String(typeof segment === 'object' ? segment.key : segment)).join('.'),
        message,
      })),
    ),
});
