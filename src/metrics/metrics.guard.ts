import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { HttpRequest } from '../http/requests/http-request.js';
import { APP_CONFIG, type AppConfig } from '../platform/config/app-config.js';
import { requireAccess } from '../tenant/access/require-access.js';
import { requireInstallation } from '../tenant/operators/operator-authorization.js';
import { RequestIdentification } from '../tenant/identification/request-identification.js';

/** Requires the admin key, or the key of an operator who is not limited to some tenants, unless `METRICS_PUBLIC` is set. */
@Injectable()
export class MetricsGuard implements CanActivate {
  private readonly isPublic: boolean;

  constructor(
    @Inject(APP_CONFIG) { features }: AppConfig,
    private readonly identification: RequestIdentification,
  ) {
    this.isPublic = features.metricsPublic;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (this.isPublic) return true;
    const request = context.switchToHttp().getRequest<HttpRequest>();
    const caller = await this.identification.byCredential(request);
    requireAccess('control-plane', caller);
    if (caller.kind === 'operator') requireInstallation(caller.operator, 'viewer');
    return true;
  }
}
