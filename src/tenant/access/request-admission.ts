import { Injectable } from '@nestjs/common';
import type { HttpRequest } from '../../http/http-request.js';
import { openContextOf, usageOf } from '../../http/request-state.js';
import { TenantContext } from '../context/tenant-context.js';
import { callerOf } from '../identification/request-identification.js';
import type { Access } from './access.js';
import { requireAccess } from './require-access.js';

/** Admits an identified request to a route. */
@Injectable()
export class RequestAdmission {
  constructor(private readonly context: TenantContext) {}

  /**
   * Makes the rest of the request work for its caller's tenant.
   *
   * @throws UnauthenticatedError, ForbiddenError, or the reason why the caller's tenant is not served
   */
  admit(access: Access, request: HttpRequest): true {
    const caller = callerOf(request);
    requireAccess(access, caller);
    const context = openContextOf(request);
    if (context && caller.kind === 'tenant' && caller.scope) {
      this.context.enter(context, caller.scope, { principal: caller.principal, usage: usageOf(request) });
    }
    return true;
  }
}
