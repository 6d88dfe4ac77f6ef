import type { Finding } from '../finding.js';
import { secretsOf, type TenantRow } from '../tables/tenant-rows.js';
import type { TestedRows } from '../tables/tested-rows.js';
import type { TestedTenant } from '../tested-tenant.js';
import type { Caller, RouteAnswer } from './caller.js';
import type { RouteRequest } from './route-request.js';

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
}

/** A route, or an operation of GraphQL, with requests that name another tenant's rows. */
export interface WalkedCall {
  readonly name: string;
  readonly isReading: boolean;
  readonly requests: readonly RouteRequest[];
  /** Whether an answer shows that the caller was let in. */
  readonly isAnswer: (answer: RouteAnswer) => boolean;
}

/** How often each tenant's caller sends a request at the same time. */
const CONCURRENT = 8;

/** Sends requests with another tenant's ids, one after the other. What they have changed is put back. */
export class RouteCheck {
  /** Those that have answered a tenant's caller with success. */
  readonly reached = new Set<WalkedCall>();

  constructor(private readonly context: RouteCheckContext) {}

  /** The worst finding about it, or none. */
  check(call: WalkedCall): Promise<Finding | undefined> {
    return call.isReading ? this.checkReading(call) : this.checkChanging(call);
  }

  private async checkReading(call: WalkedCall): Promise<Finding | undefined> {
    const { self, other } = this.context;
    const found = await this.checkChanging(call);
    if (found) return found;
    for (const request of call.requests) {
      const leak =
        this.leakTo(other, request, await other.caller.send(request), 'ROUTE_LEAKS_EARLIER_ANSWER', call) ??
        this.leakTo(self, request, await self.caller.send(request), 'ROUTE_LEAKS_EARLIER_ANSWER', call);
      if (leak) return leak;
    }
    for (const request of call.requests) {
      const leak = await this.checkConcurrently(call, request);
      if (leak) return leak;
    }
    return undefined;
  }

  private async checkConcurrently(call: WalkedCall, request: RouteRequest): Promise<Finding | undefined> {
    const callers = Array.from({ length: CONCURRENT }, () => [this.context.self, this.context.other]).flat();
    const answers = await Promise.all(
      callers.map(async (tenant) => ({ tenant, answer: await tenant.caller.send(request) })),
    );
    for (const { tenant, answer } of answers) {
      const leak = this.leakTo(tenant, request, answer, 'ROUTE_LEAKS_CONCURRENTLY', call);
      if (leak) return leak;
    }
    return undefined;
  }

  /** As a caller of one tenant and as one of none: nothing of the other tenant may be shown, nor changed, which a GET can, too. */
  private async checkChanging(call: WalkedCall): Promise<Finding | undefined> {
    const { self, other, anyone, rows } = this.context;
    try {
      for (const request of call.requests) {
        const leak =
          this.leakTo(undefined, request, await anyone.send(request), 'ROUTE_ANSWERS_ANYONE', call) ??
          this.leakTo(self, request, await this.send(self, request, call), 'ROUTE_LEAKS', call);
        if (leak) return leak;
      }
      const changed = await rows.changed(other.tested);
      return changed.length === 0
        ? undefined
        : finding('ROUTE_CHANGES_OTHER_TENANT', call, `changes another tenant's rows in ${changed.join(', ')}`);
    } finally {
      await rows.restore([self.tested, other.tested]);
    }
  }

  private async send({ caller }: CallingTenant, request: RouteRequest, call: WalkedCall): Promise<RouteAnswer> {
    const answer = await caller.send(request);
    if (call.isAnswer(answer)) this.reached.add(call);
    return answer;
  }

  /** A finding where the answer shows rows of a tenant that the caller is not; what the request itself said does not count. */
  private leakTo(
    tenant: CallingTenant | undefined,
    request: RouteRequest,
    { text }: RouteAnswer,
    code: Finding['code'],
    call: WalkedCall,
  ): Finding | undefined {
    const { path, body = {}, headers = {} } = request;
    const sent = decodeURIComponent(path) + JSON.stringify({ body, headers });
    const { self, other, rows } = this.context;
    const foreign = [self, other].filter((each) => each !== tenant).flatMap(({ tested }) => rows.of(tested));
    const leaked = foreign.find((row) => isShownIn(text, sent, row));
    return leaked && finding(code, call, MESSAGES[code]?.(leaked.table.table) ?? '');
  }
}

const MESSAGES: Partial<Record<Finding['code'], (table: string) => string>> = {
  ROUTE_ANSWERS_ANYONE: (table) => `answers a caller without credentials with a tenant's rows of ${table}`,
  ROUTE_LEAKS: (table) => `answers with another tenant's rows of ${table}`,
  ROUTE_LEAKS_EARLIER_ANSWER: (table) => `answers with rows of ${table} that it has shown to another tenant before`,
  ROUTE_LEAKS_CONCURRENTLY: (table) => `answers with rows of ${table} of another tenant's request at the same time`,
};

function isShownIn(text: string, sent: string, row: TenantRow): boolean {
  const [shown, asked] = [text.toLowerCase(), sent.toLowerCase()];
  return secretsOf(row).some((each) => {
    const secret = each.toLowerCase();
    return !asked.includes(secret) && shown.includes(secret);
  });
}

function finding(code: Finding['code'], { name }: WalkedCall, message: string): Finding {
  return { code, where: name, message };
}
