import { STATUS_CODES } from 'node:http';
import { HttpStatus } from '@nestjs/common';
import { STATUS_OF_PUBLIC_CODE } from '../../platform/errors/public-codes.js';
import type { FieldProblem } from '../../platform/errors/request.errors.js';

/** RFC 9457 problem details with an additional, stable `code`. */
export interface Problem {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  /** Only with `VALIDATION_FAILED`: what is wrong with which field. */
  readonly errors?: readonly FieldProblem[];
  /** Only where a constraint of a table is violated: its columns. */
  readonly columns?: readonly string[];
}

/**
 * HTTP status of every code whose public message a response shows. Codes not listed are internal errors: 500, without
 * details.
 */
export const STATUS_OF_CODE: ReadonlyMap<string, number> = new Map<string, number>([
  ...Object.entries(STATUS_OF_PUBLIC_CODE),
  // Their messages describe an archive or a store to operators.
  ['ARCHIVE_LOCKED', 422],
  ['ARCHIVE_TABLES', 422],
  ['ARCHIVE_UNREADABLE', 422],
  ['STORE_UNAVAILABLE', 503],
  ['STORE_REFUSED', 502],
  ['WRONG_TENANT', 500],
  ['LEASE_EXPIRED', 500],
  ['RESULT_TOO_LARGE', 500],
]);

/** Codes of statuses that have a code of Tenantry's own; others have Nest's name of the status. */
const CODE_OF_STATUS: ReadonlyMap<number, string> = new Map([
  [400, 'BAD_REQUEST'],
  [401, 'UNAUTHENTICATED'],
  [403, 'FORBIDDEN'],
  [404, 'NOT_FOUND'],
  [405, 'METHOD_NOT_ALLOWED'],
  [408, 'REQUEST_TIMEOUT'],
  [409, 'CONFLICT'],
  [413, 'PAYLOAD_TOO_LARGE'],
  [415, 'UNSUPPORTED_MEDIA_TYPE'],
  [429, 'RATE_LIMITED'],
  [431, 'HEADERS_TOO_LARGE'],
]);

/** Titles that Node names as an earlier standard did. Source: RFC 9110 §15.5.14. */
const TITLES: ReadonlyMap<number, string> = new Map([[413, 'Content Too Large']]);

export function problem(code: string, detail: string, errors?: readonly FieldProblem[]): Problem {
  const status = STATUS_OF_CODE.get(code) ?? 500;
  return { ...problemWith(status, code, detail), ...(errors && { errors }) };
}

/** The problem of a status that the application has chosen. An unknown one is read as its class: RFC 9110 §15. */
export function problemOfStatus(status: number, detail: string): Problem {
  const code = CODE_OF_STATUS.get(status) ?? HttpStatus[status] ?? (status < 500 ? 'BAD_REQUEST' : 'INTERNAL_ERROR');
  return problemWith(status, code, detail);
}

function problemWith(status: number, code: string, detail: string): Problem {
  return { type: 'about:blank', title: TITLES.get(status) ?? STATUS_CODES[status] ?? 'Error', status, code, detail };
}
