import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { catchError, type Observable } from 'rxjs';
import type { HttpRequest } from '../../../http/requests/http-request.js';
import { callerOf } from '../../identification/request-identification.js';
import { OperatorAuthorization } from '../../operators/operator-authorization.js';
import { RoleRequiredError, TenantsLimitedError } from '../../operators/operators.errors.js';
import { operatorCallOf } from './operator-admission.js';

/**
 * Has what a handler refuses an operator, because of a part of the request, in the audit log like refused routes. Not for server-sent
 * events: behind an interceptor, a handler of these fails after its answer has begun.
 */
@Injectable()
export class HandlerRefusalsInterceptor implements NestInterceptor {
  constructor(private readonly authorization: OperatorAuthorization) {}

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      catchError((error: unknown) => {
        if (error instanceof RoleRequiredError || error instanceof TenantsLimitedError) this.record(execution);
        throw error;
      }),
    );
  }

  private record(execution: ExecutionContext): void {
    const caller = callerOf(execution.switchToHttp().getRequest<HttpRequest>());
    if (caller.kind === 'operator') this.authorization.recordRefusal(caller.operator, operatorCallOf(execution));
  }
}
