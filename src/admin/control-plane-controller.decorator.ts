import { applyDecorators, Controller, UseFilters, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { ProblemFilter } from '../http/problems/problem.filter.js';
import { ControlPlane } from '../tenant/access/access.decorators.js';

/**
 * A controller of the control plane. It brings its own filter and is outside the application's versioning, so that it is the
 * same in every application; the application's global prefix applies to it.
 */
export function ControlPlaneController(path: string): ClassDecorator {
  return applyDecorators(
    Controller({ path, version: VERSION_NEUTRAL }),
    ControlPlane(),
    UseFilters(new ProblemFilter()),
    ApiTags('control plane'),
    ApiBearerAuth(),
  );
}
