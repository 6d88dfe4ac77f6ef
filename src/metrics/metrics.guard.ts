import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { HttpRequest } from '../http/requests/http-request.js';
import { APP_CONFIG, type AppConfig } from '../platform/config/app-config.js';
import { requireAccess } from '../tenant/access/require-access.js';
import { RequestIdentification } from '../tenant/identification/request-identification.js';

/** Requires the admin key, unless `METRICS_PUBLIC` is set. */
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
    requireAccess('control-plane', await this.identification.byCredential(request));
    return true;
  }
}
