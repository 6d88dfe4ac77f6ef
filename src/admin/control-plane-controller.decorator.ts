import { applyDecorators, Controller, UseFilters, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { ProblemFilter } from '../http/problems/problem.filter.js';
import { ControlPlane } from '../tenant/access/access.decorators.js';
import { OperatorRights, type RouteRights } from '../tenant/operators/route-rights.js';

/**
 * A controller of the control plane. It brings its own filter and is outside the application's versioning, so that it is the
 * same in every application; the application's global prefix applies to it.
 *
 * Unless `rights` say otherwise, viewers read and operators change, and what has no tenant in its path is not for operators who
 * are limited to some.
 */
export function ControlPlaneController(path: string, rights: Partial<RouteRights> = {}): ClassDecorator {
  const reach = path.includes('/:slug') ? 'tenant' : 'installation';
  return applyDecorators(
    Controller({ path, version: VERSION_NEUTRAL }),
    ControlPlane(),
    OperatorRights({ read: 'viewer', write: 'operator', reach, ...rights }),
    UseFilters(new ProblemFilter()),
    ApiTags('control plane'),
    ApiBearerAuth(),
  );
}
