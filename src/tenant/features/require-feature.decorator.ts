import {
  applyDecorators,
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  SetMetadata,
  UseInterceptors,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Observable } from 'rxjs';
import { TenantContext } from '../context/tenant-context.js';
import type { FeatureName } from '../settings/tenant-settings.js';
import { FeatureDisabledError } from './features.errors.js';

/** Metadata: the feature flag that a handler, or all handlers of a class, are behind. */
const FEATURE = Symbol.for('tenantry/required-feature');

/** What `@RequireFeature()` installs. Not a guard: with `resolveAfterGuards`, the tenant is known behind them only. */
@Injectable()
export class RequireFeatureInterceptor implements NestInterceptor {
  /** @internal */
  constructor(
    private readonly reflector: Reflector,
    private readonly context: TenantContext,
  ) {}

  /** @throws FeatureDisabledError, UnknownFeatureError, NoTenantContextError */
  intercept(call: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { features } = this.context.current();
    const required = [call.getClass(), call.getHandler()].map((target) =>
      this.reflector.get<FeatureName>(FEATURE, target),
    );
    for (const feature of required) {
      if (feature !== undefined && !features.isEnabled(feature)) throw new FeatureDisabledError(feature);
    }
    return next.handle();
  }
}

/**
 * Puts a tenant's handler, or all handlers of a class, behind a feature flag. Tenants for which it is off are answered 403 with
 * the code `FEATURE_DISABLED`. On both, a class and a handler, both are required.
 */
export const RequireFeature = (feature: FeatureName): ClassDecorator & MethodDecorator =>
  applyDecorators(SetMetadata(FEATURE, feature), UseInterceptors(RequireFeatureInterceptor));
