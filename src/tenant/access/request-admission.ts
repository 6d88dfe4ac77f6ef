import { type ExecutionContext, Injectable } from '@nestjs/common';
import type { HttpRequest, HttpResponse } from '../../http/requests/http-request.js';
import { openContextOf, usageOf } from '../../http/requests/request-state.js';
import { preventSharedCaching } from '../../http/requests/shared-caches.js';
import { TenantContext } from '../context/tenant-context.js';
import { callerOf } from '../identification/request-identification.js';
import type { Access } from './access.js';
import { requireAccess } from './require-access.js';

type HttpArguments = ReturnType<ExecutionContext['switchToHttp']>;

/** Admits an identified request to a route. */
@Injectable()
export class RequestAdmission {
  constructor(private readonly context: TenantContext) {}

  /**
   * Makes the rest of the request work for its caller's tenant, and keeps its answer out of shared caches.
   *
   * @throws UnauthenticatedError, ForbiddenError, or the reason why the caller's tenant is not served
   */
  admit(access: Access, http: HttpArguments): true {
    const request = http.getRequest<HttpRequest>();
    const caller = callerOf(request);
    const context = openContextOf(request);
    if (context) preventSharedCaching(http.getResponse<HttpResponse>());
    requireAccess(access, caller);
    if (context && caller.kind === 'tenant' && caller.scope) {
      this.context.enter(context, caller.scope, { principal: caller.principal, usage: usageOf(request) });
    }
    return true;
  }
}
