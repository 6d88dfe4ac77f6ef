import { type ExecutionContext, Injectable } from '@nestjs/common';
import type { HttpRequest, HttpResponse } from '../../http/requests/http-request.js';
import { openContextOf, requestState, usageOf } from '../../http/requests/request-state.js';
import { preventSharedCaching } from '../../http/requests/shared-caches.js';
import { currentContext } from '../../platform/context.js';
import { type OpenContext, TenantContext } from '../context/tenant-context.js';
import type { Caller } from '../identification/caller.js';
import { callerOf } from '../identification/request-identification.js';
import { RequestLimiter } from '../limits/request-limiter.js';
import { PositionHeader } from '../replicas/position-header.js';
import type { Access } from './access.js';
import { requireAccess } from './require-access.js';

type HttpArguments = ReturnType<ExecutionContext['switchToHttp']>;

/** Admits an identified request to a route. */
@Injectable()
export class RequestAdmission {
  constructor(
    private readonly context: TenantContext,
    private readonly limiter: RequestLimiter,
    private readonly positions: PositionHeader,
  ) {}

  /**
   * Counts the request against its tenant's limits, makes the rest of the request work for its caller's tenant, and keeps its answer out of shared caches.
   *
   * Returns a promise only if Redis must be asked for the limits.
   *
   * @throws UnauthenticatedError, ForbiddenError, TenantRateLimitedError, or the reason why the caller's tenant is not served
   */
  admit(access: Access, http: HttpArguments): true | Promise<true> {
    const request = http.getRequest<HttpRequest>();
    const caller = callerOf(request);
    const context = openContextOf(request);
    if (context) preventSharedCaching(http.getResponse<HttpResponse>());
    requireAccess(access, caller);
    const counted = access === 'tenant' ? this.count(caller, http) : undefined;
    if (counted) return counted.then(() => this.enter(context, caller, http));
    return this.enter(context, caller, http);
  }

  private count(caller: Caller, http: HttpArguments): void | Promise<void> {
    if (caller.kind !== 'tenant') return;
    const state = requestState(http.getRequest<HttpRequest>());
    if (!state || state.isCounted) return;
    const counted = this.limiter.admit(caller.tenant.id, caller.scope?.limits, http.getResponse<HttpResponse>());
    state.isCounted = true;
    return counted?.catch((refusal: unknown) => {
      state.isCounted = false; // an interceptor of the application may repeat what was refused
      throw refusal;
    });
  }

  private enter(context: OpenContext | undefined, caller: Caller, http: HttpArguments): true {
    const request = http.getRequest<HttpRequest>();
    if (context && caller.kind === 'tenant' && caller.scope) {
      this.context.enter(context, caller.scope, { principal: caller.principal, usage: usageOf(request) });
    }
    const { positions } = context ?? currentContext() ?? {};
    if (positions && caller.kind === 'tenant')
      this.positions.attach(positions, request, http.getResponse<HttpResponse>());
    return true;
  }
}
