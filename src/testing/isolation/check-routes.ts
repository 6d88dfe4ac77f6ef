import type { INestApplication } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { TENANT_RESOLVER, type TenantResolver } from '../../tenant/identification/tenant-resolver.js';
import type { Finding } from './finding.js';
import { checkHandlers } from './handlers/check-handlers.js';
import { handlersOf } from './handlers/tested-handler.js';
import type { Classification, IsolationOptions } from './isolation-options.js';
import { Caller } from './routes/caller.js';
import { documentedBodies } from './routes/documented-bodies.js';
import { type CallingTenant, RouteCheck, type WalkedCall } from './routes/route-check.js';
import { routesOf, type TestedRoute } from './routes/tested-route.js';
import { walkedRoute } from './routes/walked-routes.js';
import type { TestedRows } from './tables/tested-rows.js';
import type { TestedTenant, TestedTenants } from './tested-tenant.js';

const ANSWER_TIMEOUT_MS = 2_000;

export interface RoutesContext {
  readonly tenants: TestedTenants;
  readonly rows: TestedRows;
  readonly tested: readonly [TestedTenant, TestedTenant];
  /** Whether the pool refuses the login role: then no route reaches a tenant's rows. */
  readonly isRoleRefused: boolean;
}

/** Findings about what callers reach: routes, operations of GraphQL, and messages. */
export async function checkRoutes(
  app: INestApplication,
  url: string,
  options: IsolationOptions,
  { tenants, rows, tested, isRoleRefused }: RoutesContext,
): Promise<Finding[]> {
  const { classify = {}, headers, answerTimeoutMs = ANSWER_TIMEOUT_MS } = options;
  const routes = routesOf(app).filter(({ access }) => access !== 'control-plane');
  const handlers = handlersOf(app);
  if (routes.length === 0 && handlers.length === 0) return [];
  if (!headers && resolvesEveryRequest(app))
    return [{ code: 'CALLER_NEEDED', where: 'routes', message: 'the application has a resolver: give `headers`' }];
  const callerOf = async (each: TestedTenant): Promise<CallingTenant> => {
    const credentials = (await headers?.(each.tenant)) ?? { authorization: `Bearer ${await tenants.issueKey(each)}` };
    return { tested: each, caller: new Caller(url, credentials, answerTimeoutMs) };
  };
  const [self, other] = [await callerOf(tested[0]), await callerOf(tested[1])];
  const check = new RouteCheck({ rows, self, other, anyone: new Caller(url, {}, answerTimeoutMs) });
  const bodies = { documented: await documentedBodies(app), given: options.bodies ?? {} };
  const findings: Finding[] = [];
  const ofTenants: WalkedCall[] = [];
  for (const route of readingFirst(routes)) {
    const classification = classify.routes?.[route.name];
    if (classification === 'public' || classification === 'shared') continue;
    const call = walkedRoute(route, rows, tested, bodies);
    if (route.access === 'tenant') ofTenants.push(call);
    const finding = (await check.check(call)) ?? unclassified(route, classification);
    if (finding) findings.push(finding);
  }
  findings.push(...(await checkHandlers(handlers, classify.handlers ?? {}, check, rows, tested)));
  findings.push(...notReached(ofTenants, check));
  return isRoleRefused ? findings.filter(({ code }) => code !== 'ROUTES_NOT_REACHED') : findings;
}

function unclassified(
  { name, isDecided }: TestedRoute,
  classification: Classification | undefined,
): Finding | undefined {
  if (isDecided || classification !== undefined) return undefined;
  const message = 'it has no decorator: add @TenantScoped() or @Public(), or classify it';
  return { code: 'ROUTE_NOT_CLASSIFIED', where: name, message };
}

function notReached(ofTenants: readonly WalkedCall[], { reached }: RouteCheck): Finding[] {
  if (ofTenants.length === 0 || ofTenants.some((call) => reached.has(call))) return [];
  const message = "no route of a tenant has answered the tenant's caller: give `headers`";
  return [{ code: 'ROUTES_NOT_REACHED', where: 'routes', message }];
}

/** Whether there is a resolver that leaves no request to API keys. */
function resolvesEveryRequest(app: INestApplication): boolean {
  const modules = app.get(ModulesContainer, { strict: false });
  const resolvers = [...modules.values()].flatMap(({ providers }) => providers.get(TENANT_RESOLVER) ?? []);
  return resolvers.some(({ instance }) => (instance as TenantResolver).handles === undefined);
}

function readingFirst(routes: readonly TestedRoute[]): TestedRoute[] {
  return routes.toSorted((a, b) => Number(a.method !== 'GET') - Number(b.method !== 'GET'));
}
