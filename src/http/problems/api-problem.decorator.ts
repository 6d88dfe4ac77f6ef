import { ApiResponse } from '@nestjs/swagger';
import { problem } from './problem.js';

const DETAILS = {
  VALIDATION_FAILED: 'the request is not valid',
  NOT_FOUND: 'no such resource',
  CONFLICT: 'the request conflicts with the current state',
  ARCHIVE_UNREADABLE: 'the archive cannot be read; likewise `ARCHIVE_LOCKED` and `ARCHIVE_TABLES`',
  FEATURE_DISABLED: 'a feature that is not enabled for this tenant',
  DOCTOR_RUNNING: 'the checks take long: retry after Retry-After for their result',
  TOO_MANY_FOLLOWERS:
    'too many event streams of this kind on this instance, or of this operator: retry after Retry-After',
} as const;

/** Documents an error response of a route, as RFC 9457 problem details. */
export function ApiProblem(code: keyof typeof DETAILS, detail: string = DETAILS[code]): MethodDecorator {
  const errors =
    code === 'VALIDATION_FAILED' ? [{ field: 'lines.0.quantity', message: 'describes what was expected' }] : undefined;
  const example = problem(code, detail, errors);
  return ApiResponse({
    status: example.status,
    description: `\`${code}\`: ${detail}`,
    content: { 'application/problem+json': { schema: { type: 'object' }, example } },
  });
}
