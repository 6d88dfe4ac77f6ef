import type { TestedRows } from '../tables/tested-rows.js';
import type { TestedTenant } from '../tested-tenant.js';
import type { WalkedCall } from './route-check.js';
import { type BodySources, bodyRequests, pathRequests } from './route-request.js';
import type { TestedRoute } from './tested-route.js';

/** A route with the other tenant's rows in its path, query and body. */
export function walkedRoute(
  route: TestedRoute,
  rows: TestedRows,
  [self, other]: readonly [TestedTenant, TestedTenant],
  bodies: BodySources,
): WalkedCall {
  const isReading = ['GET', 'HEAD', 'OPTIONS'].includes(route.method);
  const alone = rows.of(other).filter(({ isShared }) => !isShared);
  return {
    name: route.name,
    isReading,
    requests: isReading ? pathRequests(route, rows.of(other)) : bodyRequests(route, alone, rows.of(self), bodies),
    isAnswer: ({ status }) => status >= 200 && status < 400,
  };
}
