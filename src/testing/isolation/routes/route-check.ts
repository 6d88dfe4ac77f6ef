import type { Finding } from '../finding.js';
import type { Classification } from '../isolation-options.js';
import { secretsOf, type TenantRow } from '../tables/tenant-rows.js';
import type { TestedRows } from '../tables/tested-rows.js';
import type { TestedTenant } from '../tested-tenant.js';
import type { Caller, RouteAnswer } from './caller.js';
import { type BodySources, bodyRequests, pathRequests, type RouteRequest } from './route-request.js';
import type { TestedRoute } from './tested-route.js';

/** A tenant with a caller of its own. */
export interface CallingTenant {
  readonly tested: TestedTenant;
  readonly caller: Caller;
}

export interface RouteCheckContext {
  readonly rows: TestedRows;
  readonly self: CallingTenant;
  readonly other: CallingTenant;
  readonly anyone: Caller;
  readonly bodies: BodySources;
  readonly classifyRoutes: Readonly<Record<string, Classification>>;
}

/** How often each tenant's caller sends a request at the same time. */
const CONCURRENT = 8;

/** Calls routes with another tenant's ids, one after the other. What a route has changed is put back. */
export class RouteCheck {
  /** Routes that have answered a tenant's caller with success. */
  readonly reached = new Set<TestedRoute>();

  constructor(private readonly context: RouteCheckContext) {}

  /** The worst finding about a route, or none. */
  async check(route: TestedRoute): Promise<Finding | undefined> {
    const { classifyRoutes } = this.context;
    const classification = classifyRoutes[route.name];
    if (route.access === 'control-plane' || classification === 'public' || classification === 'shared')
      return undefined;
    return (
      (isReading(route) ? await this.checkReading(route) : await this.checkWriting(route)) ??
      (route.isDecided || classification !== undefined
        ? undefined
        : finding(
            'ROUTE_NOT_CLASSIFIED',
            route,
            'it has no decorator: add @TenantScoped() or @Public(), or classify it',
          ))
    );
  }

  private async checkReading(route: TestedRoute): Promise<Finding | undefined> {
    const { self, other, anyone, rows } = this.context;
    const requests = pathRequests(route, rows.of(other.tested));
    for (const request of requests) {
      const leak =
        this.leakTo(undefined, request, await anyone.send(request), 'ROUTE_ANSWERS_ANYONE', route) ??
        this.leakTo(self, request, await this.send(self, request, route), 'ROUTE_LEAKS', route) ??
        this.leakTo(other, request, await other.caller.send(request), 'ROUTE_LEAKS_EARLIER_ANSWER', route) ??
        this.leakTo(self, request, await self.caller.send(request), 'ROUTE_LEAKS_EARLIER_ANSWER', route);
      if (leak) return leak;
    }
    for (const request of requests) {
      const leak = await this.checkConcurrently(route, request);
      if (leak) return leak;
    }
    return undefined;
  }

  private async checkConcurrently(route: TestedRoute, request: RouteRequest): Promise<Finding | undefined> {
    const callers = Array.from({ length: CONCURRENT }, () => [this.context.self, this.context.other]).flat();
    const answers = await Promise.all(
      callers.map(async (tenant) => ({ tenant, answer: await tenant.caller.send(request) })),
    );
    for (const { tenant, answer } of answers) {
      const leak = this.leakTo(tenant, request, answer, 'ROUTE_LEAKS_CONCURRENTLY', route);
      if (leak) return leak;
    }
    return undefined;
  }

  private async checkWriting(route: TestedRoute): Promise<Finding | undefined> {
    const { self, other, anyone, rows, bodies } = this.context;
    const alone = rows.of(other.tested).filter(({ isShared }) => !isShared);
    try {
      for (const request of bodyRequests(route, alone, rows.of(self.tested), bodies)) {
        const leak =
          this.leakTo(undefined, request, await anyone.send(request), 'ROUTE_ANSWERS_ANYONE', route) ??
          this.leakTo(self, request, await this.send(self, request, route), 'ROUTE_LEAKS', route);
        if (leak) return leak;
      }
      const changed = await rows.changed(other.tested);
      return changed.length === 0
        ? undefined
        : finding('ROUTE_CHANGES_OTHER_TENANT', route, `changes another tenant's rows in ${changed.join(', ')}`);
    } finally {
      await rows.restore([self.tested, other.tested]);
    }
  }

  private async send({ caller }: CallingTenant, request: RouteRequest, route: TestedRoute): Promise<RouteAnswer> {
    const answer = await caller.send(request);
    if (answer.status >= 200 && answer.status < 400) this.reached.add(route);
    return answer;
  }

  /** A finding where the answer shows rows of a tenant that the caller is not; what the request itself said does not count. */
  private leakTo(
    tenant: CallingTenant | undefined,
    request: RouteRequest,
    { text }: RouteAnswer,
    code: Finding['code'],
    route: TestedRoute,
  ): Finding | undefined {
    const sent = decodeURIComponent(request.path) + JSON.stringify(request.body ?? {});
    const { self, other, rows } = this.context;
    const foreign = [self, other].filter((each) => each !== tenant).flatMap(({ tested }) => rows.of(tested));
    const leaked = foreign.find((row) => isShownIn(text, sent, row));
    return leaked && finding(code, route, MESSAGES[code]?.(leaked.table.table) ?? '');
  }
}

const MESSAGES: Partial<Record<Finding['code'], (table: string) => string>> = {
  ROUTE_ANSWERS_ANYONE: (table) => `answers a caller without credentials with a tenant's rows of ${table}`,
  ROUTE_LEAKS: (table) => `answers with another tenant's rows of ${table}`,
  ROUTE_LEAKS_EARLIER_ANSWER: (table) => `answers with rows of ${table} that it has shown to another tenant before`,
  ROUTE_LEAKS_CONCURRENTLY: (table) => `answers with rows of ${table} of another tenant's request at the same time`,
};

function isShownIn(text: string, sent: string, row: TenantRow): boolean {
  return secretsOf(row).some((secret) => !sent.includes(secret) && text.includes(secret));
}

function isReading({ method }: TestedRoute): boolean {
  return ['GET', 'HEAD', 'OPTIONS'].includes(method);
}

function finding(code: Finding['code'], { name }: TestedRoute, message: string): Finding {
  return { code, where: name, message };
}
