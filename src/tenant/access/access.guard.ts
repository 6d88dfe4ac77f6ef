import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { callerOf } from '../identification/request-identification.js';
import { requireAccess } from './require-access.js';
import { RouteAccess } from './route-access.js';

/** Global: every route is tenant-scoped unless it is marked `@Public()` or `@ControlPlane()`. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(private readonly routes: RouteAccess) {}

  canActivate(context: ExecutionContext): boolean {
    const access = this.routes.of(context.getHandler(), context.getClass());
    requireAccess(access, callerOf(context.switchToHttp().getRequest<FastifyRequest>()));
    return true;
  }
}
