import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import pg from 'pg';
import { isConstraintViolation, toConstraintViolation } from '../../database/data-source/constraint-violation.js';
import { driverError } from '../../platform/postgres/driver-error.js';
import { CodedError } from '../../platform/errors/coded-error.js';
import type { ConstraintViolationError } from '../../platform/errors/request.errors.js';
import { type HttpRequest, type HttpResponse, nodeResponse } from '../requests/http-request.js';
import { requestState } from '../requests/request-state.js';
import { isLostConnection } from '../../platform/postgres/lost-connection.js';
import { failureMessage, shownStack } from './failure-message.js';
import { type Problem, problem, problemOfStatus, STATUS_OF_CODE } from './problem.js';

type HttpArguments = ReturnType<ArgumentsHost['switchToHttp']>;

/** Errors of Fastify, and of `http-errors`, which Express's body parser uses. Messages of 4xx are meant for clients. */
interface FrameworkError {
  readonly statusCode: number;
  readonly message: string;
}

/** Injection token: true where this filter handles every route's errors, and no interceptor has to. */
export const HAS_PROBLEM_FILTER = Symbol.for('tenantry/has-problem-filter');

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
    if (isConstraintViolation(thrown)) void this.answerViolation(thrown, host.switchToHttp());
    else this.answer(thrown, host.switchToHttp());
  }

  private async answerViolation(thrown: unknown, http: HttpArguments): Promise<void> {
    this.answer((await toConstraintViolation(thrown)) ?? thrown, http);
  }

  private answer(thrown: unknown, http: HttpArguments): void {
    const request = http.getRequest<HttpRequest>();
    const error = driverError(thrown);
    const body = isLostConnection(error) ? unavailable(request) : toProblem(error);
    if (body.status >= 500) this.report(thrown, body, request);
    sendProblem(http.getResponse<HttpResponse>(), error, body);
  }

  private report(error: unknown, { status, code }: Problem, request: HttpRequest): void {
    const message = failureMessage(error, { status, code }, request);
    if (status === 500) this.logger.error(message, shownStack(error));
    else this.logger.warn(message);
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
  const { fields, columns } = error as Partial<ConstraintViolationError>;
  return { ...problem(error.code, error.publicMessage, fields), ...(columns && { columns }) };
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
