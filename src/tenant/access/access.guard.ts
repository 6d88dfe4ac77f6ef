import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { HttpRequest } from '../../http/requests/http-request.js';
import { callerOf, RequestIdentification } from '../identification/request-identification.js';
import { type Access, ACCESS_OPTIONS, type AccessOptions } from './access.js';
import { CallAdmission } from './call-admission.js';
import { OperatorAdmission } from './operators/operator-admission.js';
import { RequestAdmission } from './request-admission.js';
import { RouteAccess } from './route-access.js';

/**
 * Admits the callers that a route is meant for, and enters the tenant's context. `@TenantScoped()` and `@ControlPlane()` install it;
 * by itself, with `guard: 'explicit'`, it admits every caller to a route without either. Tests of a controller alone override it.
 */
@Injectable()
export class AccessGuard implements CanActivate {
  /** @internal */
  constructor(
    @Inject(ACCESS_OPTIONS) private readonly options: AccessOptions,
    private readonly routes: RouteAccess,
    private readonly identification: RequestIdentification,
    private readonly admission: RequestAdmission,
    private readonly calls: CallAdmission,
    private readonly operators: OperatorAdmission,
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const access = this.routes.of(context.getHandler(), context.getClass());
    if (context.getType() !== 'http') return this.isLeftToInterceptor(access) || this.calls.admit(access, context);
    const http = context.switchToHttp();
    const request = http.getRequest<HttpRequest>();
    if (this.identification.isDone(request)) return this.admit(access, context);
    if (access === 'public' || this.isLeftToInterceptor(access)) return true;
    const caller =
      access === 'tenant' ? this.identification.tenantCaller(request) : this.identification.byCredential(request);
    return caller instanceof Promise ? caller.then(() => this.admit(access, context)) : this.admit(access, context);
  }

  private admit(access: Access, context: ExecutionContext): true | Promise<true> {
    const http = context.switchToHttp();
    const admitted = this.admission.admit(access, http);
    if (admitted instanceof Promise) return admitted; // of a tenant's route
    return access !== 'control-plane' || this.operators.admit(callerOf(http.getRequest<HttpRequest>()), context);
  }

  private isLeftToInterceptor(access: Access): boolean {
    return access === 'tenant' && this.options.resolveAfterGuards;
  }
}
