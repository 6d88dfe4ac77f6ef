import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { HttpRequest } from '../../http/requests/http-request.js';
import { RequestIdentification } from '../identification/request-identification.js';
import { ForbiddenError } from './access.errors.js';
import { ACCESS_OPTIONS, type AccessOptions } from './access.js';
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
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    if (context.getType() !== 'http') return this.admitUnidentified(context);
    const access = this.routes.of(context.getHandler(), context.getClass());
    const http = context.switchToHttp();
    const request = http.getRequest<HttpRequest>();
    if (this.identification.isDone(request)) return this.admission.admit(access, http);
    if (access === 'public' || (access === 'tenant' && this.options.resolveAfterGuards)) return true;
    const caller =
      access === 'tenant' ? this.identification.tenantCaller(request) : this.identification.byCredential(request);
    return caller instanceof Promise
      ? caller.then(() => this.admission.admit(access, http))
      : this.admission.admit(access, http);
  }

  /**
   * GraphQL, messages and web sockets, whose callers are not identified: an undecorated handler has no tenant context, and so
   * nothing of a tenant to reach.
   */
  private admitUnidentified(context: ExecutionContext): true {
    const access = this.routes.decorated(context.getHandler(), context.getClass()) ?? 'public';
    if (access !== 'public') throw new ForbiddenError('this is served over HTTP routes only');
    return true;
  }
}
