import type { Finding } from '../finding.js';
import type { Classification } from '../isolation-options.js';
import type { RouteCheck, WalkedCall } from '../routes/route-check.js';
import type { TestedRows } from '../tables/tested-rows.js';
import type { TestedTenant } from '../tested-tenant.js';
import type { TestedHandler } from './tested-handler.js';
import { walkedOperation } from './walked-operations.js';

/** Sends GraphQL's queries and mutations as routes are called, and names what cannot be sent and is not classified. */
export async function checkHandlers(
  handlers: readonly TestedHandler[],
  classified: Readonly<Record<string, Classification>>,
  check: RouteCheck,
  rows: TestedRows,
  tenants: readonly [TestedTenant, TestedTenant],
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const walked: WalkedCall[] = [];
  for (const handler of handlers.filter(({ access }) => access !== 'control-plane')) {
    const classification = classified[handler.name];
    if (classification === 'public' || classification === 'shared') continue;
    const { operation, access } = handler;
    const call = operation && walkedOperation(operation, rows, tenants);
    const finding = call && (await check.check(call));
    if (finding) findings.push(finding);
    else if (classification === undefined) findings.push(...unclassified(handler));
    if (call && access === 'tenant' && classification === undefined) walked.push(call);
  }
  return [
    ...findings,
    ...notReached(walked, check).filter(({ where }) => findings.every((each) => each.where !== where)),
  ];
}

function unclassified({ name, operation, isDecided }: TestedHandler): Finding[] {
  if (operation && isDecided) return [];
  const message = operation
    ? 'it has no decorator: add @TenantScoped() or @Public(), or classify it'
    : 'it is not tried: test it yourself, and classify it';
  return [{ code: 'HANDLER_NOT_CLASSIFIED', where: name, message }];
}

/** Queries that have answered with errors only, also about the caller's own rows; where all have, the caller is why. */
function notReached(walked: readonly WalkedCall[], { reached }: RouteCheck): Finding[] {
  const unreached = walked.filter((call) => !reached.has(call));
  if (walked.length > 0 && unreached.length === walked.length) {
    const message = "no operation has answered the tenant's caller: give `headers`";
    return [{ code: 'ROUTES_NOT_REACHED', where: 'GraphQL', message }];
  }
  const message = 'it has answered with errors only: test it yourself, and classify it';
  return unreached
    .filter(({ isReading }) => isReading)
    .map(({ name }) => ({ code: 'HANDLER_NOT_CLASSIFIED', where: name, message }));
}
