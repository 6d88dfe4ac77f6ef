import pg from 'pg';
import { QueryFailedError } from 'typeorm';
import { failedStatementOf, unwrapQueryError } from '../../database/data-source/failed-statement.js';
import { shownText } from '../../database/statements/shown-text.js';
import { StructuredMessage } from '../../logging/structured-message.js';
import type { Problem } from './problem.js';
import { type HttpRequest, nodeRequest, routePattern } from '../requests/http-request.js';
import { requestState } from '../requests/request-state.js';

/** Causes of an error that are followed. */
const MAX_CAUSES = 5;
/** PostgreSQL's class "data exception", whose messages quote the value. */
const DATA_EXCEPTION = /^22/;
const FRAME = /^\s+at /;

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
  return new StructuredMessage(`${route}${origin && ` (${origin})`} failed with ${status} ${code}${reason}`, {
    request: { id, tenant: tenant?.slug, tenantId: tenant?.id, route, status },
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
  const rejected = causes.map(unwrapQueryError).find((cause) => cause instanceof pg.DatabaseError);
  const text = causes.map(statementOf).find((statement) => statement !== undefined);
  if (!rejected && text === undefined) return undefined;
  const { code, schema, table, column, constraint } = rejected ?? ({} as Partial<pg.DatabaseError>);
  return { statement: text && shownText(text), code, schema, table, column, constraint };
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
  const { code } = unwrapQueryError(error) as { readonly code?: unknown };
  return DATA_EXCEPTION.test(String(code)) ? error.message.replaceAll(/"[^"]*"/g, '"…"') : error.message;
}

function framesOf(error: unknown): string[] {
  const lines = error instanceof Error ? (error.stack ?? '').split('\n') : [];
  return lines.filter((line) => FRAME.test(line));
}

/** That of Fastify or a logger of the application; else the client's. */
function requestIdOf(request: HttpRequest): string | undefined {
  const given = request.id ?? nodeRequest(request).headers['x-request-id'];
  return typeof given === 'string' || typeof given === 'number' ? String(given).slice(0, 128) : undefined;
}
