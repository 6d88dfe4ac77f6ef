import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import pg from 'pg';
import { QueryFailedError } from 'typeorm';
import { CodedError } from '../../platform/errors/coded-error.js';
import type { ValidationFailedError } from '../../platform/errors/request.errors.js';
import { type HttpRequest, type HttpResponse, nodeResponse, routePattern } from '../requests/http-request.js';
import { requestState } from '../requests/request-state.js';
import { isLostConnection } from '../../platform/postgres/lost-connection.js';
import { type Problem, problem, problemOfStatus, STATUS_OF_CODE } from './problem.js';

/** Errors of Fastify, and of `http-errors`, which Express's body parser uses. Messages of 4xx are meant for clients. */
interface FrameworkError {
  readonly statusCode: number;
  readonly message: string;
}

const QUERY_CANCELED = '57014';
const RETRY_AFTER_SECONDS = 1;

/**
 * The only place that turns errors into HTTP responses: `application/problem+json` with a stable code. Has no dependencies:
 * `app.useGlobalFilters(new ProblemFilter())`, `APP_FILTER` and `@UseFilters(ProblemFilter)` work alike.
 */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Http');

  catch(thrown: unknown, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw thrown; // GraphQL, microservices and web sockets have their own responses
    const http = host.switchToHttp();
    const request = http.getRequest<HttpRequest>();
    const error = unwrapDriverError(thrown);
    const body = isLostConnection(error) ? unavailable(request) : toProblem(error);
    if (body.status >= 500) this.report(error, body, request);
    sendProblem(http.getResponse<HttpResponse>(), error, body);
  }

  private report(error: unknown, { status, code }: Problem, request: HttpRequest): void {
    const summary = `${request.method} ${routePattern(request) ?? 'unknown route'} failed with ${status} ${code}`;
    if (status === 500) this.logger.error(summary, error instanceof Error ? error.stack : String(error));
    else this.logger.warn(`${summary}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export function sendProblem(reply: HttpResponse, error: unknown, body: Problem = toProblem(error)): void {
  if (nodeResponse(reply).headersSent) {
    // A part of a streamed answer was sent: closing the connection tells the client that it is not complete.
    nodeResponse(reply).destroy();
    return;
  }
  const retryAfterSeconds = error instanceof CodedError ? error.retryAfterSeconds : undefined;
  if (retryAfterSeconds !== undefined) void reply.header('retry-after', String(retryAfterSeconds));
  else if (body.status === 503) void reply.header('retry-after', String(RETRY_AFTER_SECONDS));
  if (body.status === 401 && reply.getHeader('www-authenticate') === undefined) {
    void reply.header('www-authenticate', 'Bearer');
  }
  void reply.status(body.status).type('application/problem+json').send(body);
}

/** An identified tenant was already looked up in the catalog, so it is the tenant's database that is unavailable. */
function unavailable(request: HttpRequest): Problem {
  if (requestState(request)?.caller.kind !== 'tenant')
    return problem('CATALOG_UNAVAILABLE', 'the catalog is unavailable');
  return problem('TENANT_UNAVAILABLE', "this tenant's database is unavailable");
}

/** TypeORM wraps every error of its driver, including this application's own errors, which must keep their codes. */
function unwrapDriverError(error: unknown): unknown {
  return error instanceof QueryFailedError ? (error.driverError as unknown) : error;
}

function toProblem(error: unknown): Problem {
  if (error instanceof CodedError) return problemOfCode(error);
  if (error instanceof pg.DatabaseError && error.code === QUERY_CANCELED) {
    return problem('STATEMENT_TIMEOUT', 'a database statement exceeded its time limit');
  }
  if (error instanceof HttpException) return problemOfException(error);
  if (isFrameworkError(error) && error.statusCode < 500) return problemOfStatus(error.statusCode, error.message);
  return internalError();
}

function problemOfCode(error: CodedError): Problem {
  if (!STATUS_OF_CODE.has(error.code)) return internalError();
  return problem(error.code, error.publicMessage, (error as Partial<ValidationFailedError>).fields);
}

/** Keeps the status and messages that the application has chosen; only a plain 500 is an unexpected error. */
function problemOfException(exception: HttpException): Problem {
  const status = exception.getStatus();
  if (status === 500) return internalError();
  const { message } = exception.getResponse() as { readonly message?: unknown };
  return problemOfStatus(status, Array.isArray(message) ? message.join('; ') : exception.message);
}

/** Reveals nothing about an unexpected error, which is logged instead. */
function internalError(): Problem {
  return problem('INTERNAL_ERROR', 'an unexpected error occurred');
}

/** As Nest recognizes them: errors of other libraries have a `statusCode` too, which is not this request's. */
function isFrameworkError(error: unknown): error is FrameworkError {
  if (!(error instanceof Error) || !('statusCode' in error) || typeof error.statusCode !== 'number') return false;
  return 'expose' in error || error.name === 'FastifyError';
}
