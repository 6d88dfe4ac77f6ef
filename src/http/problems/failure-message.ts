import pg from 'pg';
import { QueryFailedError } from 'typeorm';
import { failedStatementOf } from '../../database/data-source/failed-statement.js';
import { CodedError } from '../../platform/errors/coded-error.js';
import { redactedText } from '../../database/sql-guard/redacted-text.js';
import { driverError } from '../../platform/postgres/driver-error.js';
import { StructuredMessage } from '../../logging/structured-message.js';
import type { Problem } from './problem.js';
import { type HttpRequest, nodeRequest, routePattern } from '../requests/http-request.js';
import { requestState } from '../requests/request-state.js';

/** Causes of an error that are followed. */
const MAX_CAUSES = 5;
/** PostgreSQL's "data exceptions" and syntax errors, whose messages quote values and constants, in quotes of any kind. */
const QUOTES_VALUES = /^(?:22|42601)/;
const FRAME = /^\s+at /;
/** Anything else could pass for a part of the log's line. */
const REQUEST_ID = /^[\w.:/+=-]{1,128}$/;

/**
 * The log's message for a request that failed in the server: which request of which tenant, which statement, and what
 * PostgreSQL says it is about. Never a parameter, nor a constant of a statement: they may be a tenant's data.
 */
export function failureMessage(
  error: unknown,
  { status, code }: Pick<Problem, 'status' | 'code'>,
  request: HttpRequest,
): StructuredMessage {
  const route = `${request.method} ${routePattern(request) ?? 'unknown route'}`;
  const { id, tenant } = { id: requestIdOf(request), tenant: requestState(request)?.caller.tenant };
  const origin = [id && `request ${id}`, tenant && `tenant ${tenant.slug}`].filter(Boolean).join(', ');
  const reason = status === 500 ? '' : `: ${shownMessage(error)}`;
  const database = databaseFields(error);
  const own = error instanceof CodedError && error.code !== code ? error.code : undefined;
  return new StructuredMessage(`${route}${origin && ` (${origin})`} failed with ${status} ${own ?? code}${reason}`, {
    request: { id, tenant: tenant?.slug, tenantId: tenant?.id, route, status },
    ...(own !== undefined && { code: own }),
    ...(database && { database }),
  });
}

/** Names, messages and frames of an error and of its causes. */
export function shownStack(error: unknown): string {
  return causesOf(error)
    .map((cause) =>
      [cause instanceof Error ? `${cause.name}: ${shownMessage(cause)}` : shownMessage(cause), ...framesOf(cause)].join(
        '\n',
      ),
    )
    .join('\ncaused by ');
}

/** The statement, and the names in PostgreSQL's error; undefined when no statement has failed. */
function databaseFields(error: unknown): object | undefined {
  const causes = causesOf(error);
  const rejected = causes.map(driverError).find((cause) => cause instanceof pg.DatabaseError);
  const text = causes.map(statementOf).find((statement) => statement !== undefined);
  if (!rejected && text === undefined) return undefined;
  const { code, schema, table, column, constraint } = rejected ?? ({} as Partial<pg.DatabaseError>);
  return { statement: text && redactedText(text), code, schema, table, column, constraint };
}

function statementOf(error: unknown): string | undefined {
  return failedStatementOf(error)?.text ?? (error instanceof QueryFailedError ? error.query : undefined);
}

/** The error itself first. */
function causesOf(error: unknown): unknown[] {
  const causes = [error];
  for (let next = causeOf(error); next !== undefined && causes.length < MAX_CAUSES; next = causeOf(next)) {
    if (causes.includes(next)) break;
    causes.push(next);
  }
  return causes;
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

function shownMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = driverError(error) as { readonly code?: unknown };
  // Up to the last quote: a value may have some of its own.
  return QUOTES_VALUES.test(String(code)) ? error.message.replace(/"[^]*"/, '"…"') : error.message;
}

/** The stack begins with the message, whose lines may look like frames. */
function framesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const { stack = '', message } = error;
  const start = stack.indexOf(message);
  const lines = start < 0 ? [] : stack.slice(start + message.length).split('\n');
  return lines.filter((line) => FRAME.test(line));
}

/** That of Fastify or a logger of the application; else the client's. */
function requestIdOf(request: HttpRequest): string | undefined {
  const given = request.id ?? nodeRequest(request).headers['x-request-id'];
  const isPlain = typeof given === 'number' || (typeof given === 'string' && REQUEST_ID.test(given));
  return isPlain ? String(given) : undefined;
}
