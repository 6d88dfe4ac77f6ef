import type { FieldProblem } from '../platform/errors/request.errors.js';

/** RFC 9457 problem details with an additional, stable `code`. */
export interface Problem {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  /** Only with `VALIDATION_FAILED`. */
  readonly errors?: readonly FieldProblem[];
}

/** HTTP status of every public error code. Codes not listed are internal errors: 500, without details. */
export const STATUS_OF_CODE: ReadonlyMap<string, number> = new Map([
  ['VALIDATION_FAILED', 400],
  ['BAD_REQUEST', 400],
  ['UNAUTHENTICATED', 401],
  ['FORBIDDEN', 403],
  ['TENANT_MISMATCH', 403],
  ['TENANT_SUSPENDED', 403],
  ['NOT_FOUND', 404],
  ['METHOD_NOT_ALLOWED', 405],
  ['REQUEST_TIMEOUT', 408],
  ['CONFLICT', 409],
  ['PAYLOAD_TOO_LARGE', 413],
  ['UNSUPPORTED_MEDIA_TYPE', 415],
  ['RATE_LIMITED', 429],
  ['TENANT_BUSY', 429],
  ['TOO_MANY_FOLLOWERS', 429],
  ['HEADERS_TOO_LARGE', 431],
  ['WRONG_TENANT', 500],
  ['LEASE_EXPIRED', 500],
  ['RESULT_TOO_LARGE', 500],
  ['TENANT_UNAVAILABLE', 503],
  ['POOL_TIMEOUT', 503],
  ['POOL_ENDED', 503],
  ['STATEMENT_TIMEOUT', 503],
  ['TRANSACTION_LOST', 503],
  ['CATALOG_UNAVAILABLE', 503],
  ['SHUTTING_DOWN', 503],
]);

const TITLES: ReadonlyMap<number, string> = new Map([
  [400, 'Bad Request'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [408, 'Request Timeout'],
  [409, 'Conflict'],
  [413, 'Content Too Large'],
  [415, 'Unsupported Media Type'],
  [429, 'Too Many Requests'],
  [431, 'Request Header Fields Too Large'],
  [500, 'Internal Server Error'],
  [503, 'Service Unavailable'],
]);

export function problem(code: string, detail: string, errors?: readonly FieldProblem[]): Problem {
  const status = STATUS_OF_CODE.get(code) ?? 500;
  const title = TITLES.get(status) ?? 'Error';
  return { type: 'about:blank', title, status, code, detail, ...(errors && { errors }) };
}
