import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { catchError, type Observable } from 'rxjs';
import { isConstraintViolation, toConstraintViolation } from '../../database/data-source/constraint-violation.js';
import type { HttpRequest } from '../../http/requests/http-request.js';
import { RequestIdentification } from '../identification/request-identification.js';
import { ACCESS_OPTIONS, type AccessOptions } from './access.js';
import { CallAdmission } from './call-admission.js';
import { RequestAdmission } from './request-admission.js';
import { RouteAccess } from './route-access.js';

/**
 * With `resolveAfterGuards`: identifies and admits the caller behind the application's guards, instead of `AccessGuard`. With and
 * without: runs the handlers of messages in the tenant's context, which `OpenContexts` does for requests, and raises a
 * `ConstraintViolationError` in place of PostgreSQL's error, which would be a 500.
 */
@Injectable()
export class ResolvingInterceptor implements NestInterceptor {
  /** @internal */
  constructor(
    @Inject(ACCESS_OPTIONS) private readonly options: AccessOptions,
    private readonly routes: RouteAccess,
    private readonly identification: RequestIdentification,
    private readonly admission: RequestAdmission,
    private readonly calls: CallAdmission,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const isHttp = context.getType() === 'http';
    if (this.options.resolveAfterGuards) await this.resolve(context, isHttp);
    const answer = isHttp ? next.handle() : this.calls.handle(context, next);
    return answer.pipe(catchError(raiseViolation));
  }

  /** At every call: an interceptor of the application may repeat what follows it, after a refusal too. */
  private async resolve(context: ExecutionContext, isHttp: boolean): Promise<void> {
    if (this.routes.of(context.getHandler(), context.getClass()) !== 'tenant') return;
    if (!isHttp) return void (await this.calls.admit('tenant', context));
    const http = context.switchToHttp();
    const request = http.getRequest<HttpRequest>();
    await this.identification.tenantCaller(request);
    await this.admission.admit('tenant', http);
  }
}

async function raiseViolation(error: unknown): Promise<never> {
  throw isConstraintViolation(error) ? ((await toConstraintViolation(error)) ?? error) : error;
}
