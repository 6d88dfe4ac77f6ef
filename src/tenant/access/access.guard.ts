import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { ACCESS, type Access } from './access.decorators.js';
import { callerOf } from '../identification/request-identification.js';
import { ForbiddenError } from './access.errors.js';
import { UnauthenticatedError } from '../identification/identification.errors.js';

/** Global: every route is tenant-scoped unless it is marked `@Public()` or `@ControlPlane()`. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (access === 'public') return true;
    const caller = callerOf(context.switchToHttp().getRequest<FastifyRequest>());
    if (caller.kind === 'anonymous') throw new UnauthenticatedError('no credential');
    if (caller.kind === 'refused') throw caller.rejection;
    return access === 'control-plane' ? requireAdmin(caller.kind) : requireTenant(caller);
  }
}

function requireAdmin(kind: 'admin' | 'tenant'): true {
  if (kind !== 'admin') throw new ForbiddenError('this is a control-plane route: it requires the admin key');
  return true;
}

function requireTenant(caller: { kind: 'admin' } | { kind: 'tenant'; scope: unknown; rejection: unknown }): true {
  if (caller.kind === 'admin') throw new ForbiddenError("this is a tenant route: it requires a tenant's credential");
  if (!caller.scope) throw caller.rejection;
  return true;
}
