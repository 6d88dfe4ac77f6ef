import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { HttpRequest } from '../../http/requests/http-request.js';
import { RequestIdentification } from '../identification/request-identification.js';
import { type Access, ACCESS_OPTIONS, type AccessOptions } from './access.js';
import { CallAdmission } from './call-admission.js';
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
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const access = this.routes.of(context.getHandler(), context.getClass());
    if (context.getType() !== 'http') return this.isLeftToInterceptor(access) || this.calls.admit(access, context);
    const http = context.switchToHttp();
    const request = http.getRequest<HttpRequest>();
    if (this.identification.isDone(request)) return this.admission.admit(access, http);
    if (access === 'public' || this.isLeftToInterceptor(access)) return true;
    const caller =
      access === 'tenant' ? this.identification.tenantCaller(request) : this.identification.byCredential(request);
    return caller instanceof Promise
      ? caller.then(() => this.admission.admit(access, http))
      : this.admission.admit(access, http);
  }

  private isLeftToInterceptor(access: Access): boolean {
    return access === 'tenant' && this.options.resolveAfterGuards;
  }
}
