import { SetMetadata } from '@nestjs/common';
import type { OperatorRole } from '../../catalog/model/operator.js';

/**
 * Which tenants' data a control-plane route has to do with. `tenant`: those of the tenant that its parameter `slug` names.
 * `filtered`: the handler shows and changes nothing that the operator is not meant to see. `installation`: any, so that no
 * operator is admitted who is limited to some tenants.
 */
type RouteReach = 'tenant' | 'filtered' | 'installation';

/** What an operator needs for a control-plane route. */
export interface RouteRights {
  /** For GET and HEAD. */
  readonly read: OperatorRole;
  /** For all other methods. */
  readonly write: OperatorRole;
  readonly reach: RouteReach;
}

const RIGHTS = Symbol.for('tenantry/operator-rights');

/** Of routes that say nothing else. */
const DEFAULT_RIGHTS: RouteRights = { read: 'admin', write: 'admin', reach: 'installation' };

/** What a route, or all routes of a controller, ask of an operator; a route's own rights win over its controller's. */
export function OperatorRights(rights: Partial<RouteRights>): ClassDecorator & MethodDecorator {
  return SetMetadata(RIGHTS, rights);
}

/** What a route asks of an operator. */
export function routeRights(handler: object, controller: object): RouteRights {
  return { ...DEFAULT_RIGHTS, ...rightsOf(controller), ...rightsOf(handler) };
}

function rightsOf(target: object): Partial<RouteRights> | undefined {
  return Reflect.getMetadata(RIGHTS, target) as Partial<RouteRights> | undefined;
}
