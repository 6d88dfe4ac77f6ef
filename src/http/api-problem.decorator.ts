import { ApiResponse } from '@nestjs/swagger';
import { problem } from './problem.js';

const DETAILS = {
  VALIDATION_FAILED: 'the request is not valid',
  NOT_FOUND: 'no such thing',
  CONFLICT: 'the request contradicts what is stored',
  TOO_MANY_FOLLOWERS: 'too many follow operations on this instance: come back after Retry-After',
} as const;

/** Documents an error that a route answers with, as RFC 9457 problem details. */
export function ApiProblem(code: keyof typeof DETAILS, detail: string = DETAILS[code]): MethodDecorator {
  const errors =
    code === 'VALIDATION_FAILED' ? [{ field: 'lines.0.quantity', message: 'what was expected there' }] : undefined;
  const example = problem(code, detail, errors);
  return ApiResponse({
    status: example.status,
    description: `\`${code}\`: ${detail}`,
    content: { 'application/problem+json': { schema: { type: 'object' }, example } },
  });
}
