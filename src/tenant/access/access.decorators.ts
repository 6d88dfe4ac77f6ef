import { applyDecorators, SetMetadata, UseGuards } from '@nestjs/common';
import { INTERCEPTORS_METADATA } from '@nestjs/common/constants.js';
import type { OperatorRole } from '../../catalog/model/operator.js';
import { OperatorRights } from '../operators/route-rights.js';
import { AccessGuard } from './access.guard.js';
import { ACCESS, type Access } from './access.js';
import { ResolvingInterceptor } from './resolving.interceptor.js';

/** Marks a route as open to any caller; it may run without a tenant context. */
export const Public = (): ClassDecorator & MethodDecorator => SetMetadata(ACCESS, 'public' satisfies Access);

/** What a control-plane route asks of an operator. */
export interface ControlPlaneOptions {
  /** The role that a caller must have at least. Default: `admin`, which the admin key has. */
  readonly role?: OperatorRole;
}

/**
 * Marks a route as an operator's: it requires the admin key, or the key of an operator with the role who is not limited to some
 * tenants. It never runs in a tenant context.
 */
export const ControlPlane = ({ role = 'admin' }: ControlPlaneOptions = {}): ClassDecorator & MethodDecorator =>
  applyDecorators(
    SetMetadata(ACCESS, 'control-plane' satisfies Access),
    OperatorRights({ read: role, write: role }),
    UseGuards(AccessGuard),
  );

/**
 * Marks a route, or all routes of a controller, as a tenant's: it is served to tenants' callers only, and its interceptors,
 * pipes and handler run in the tenant's context. With `guard: 'global'` that is every route's default.
 */
export const TenantScoped = (): ClassDecorator & MethodDecorator =>
  applyDecorators(
    SetMetadata(ACCESS, 'tenant' satisfies Access),
    UseGuards(AccessGuard),
    useInterceptorFirst(ResolvingInterceptor),
  );

/** Like Nest's `UseInterceptors`, but before the interceptors of decorators below this one. */
function useInterceptorFirst(interceptor: typeof ResolvingInterceptor): ClassDecorator & MethodDecorator {
  return (target: object, _name?: string | symbol, descriptor?: { value?: unknown }): void => {
    const decorated = descriptor?.value ?? target;
    const others = (Reflect.getMetadata(INTERCEPTORS_METADATA, decorated) ?? []) as unknown[];
    Reflect.defineMetadata(INTERCEPTORS_METADATA, [interceptor, ...others], decorated);
  };
}
