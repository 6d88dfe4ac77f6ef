import { type CallHandler, type ExecutionContext, Injectable } from '@nestjs/common';
import { defer, finalize, type Observable, Subscription, Observable as Stream, tap } from 'rxjs';
import { newUsage } from '../../database/statements/usage.js';
import { type CallContext, currentContext, runInContext } from '../../platform/context.js';
import { TenantContext } from '../context/tenant-context.js';
import type { Caller } from '../identification/caller.js';
import { finalRejectionOf } from '../transports/final-rejection.js';
import type { TransportCall } from '../transports/transport-call.js';
import { TransportCalls } from '../transports/transport-calls.js';
import { RequestLimiter } from '../limits/request-limiter.js';
import { UsageCounter } from '../usage/usage-counter.js';
import { ForbiddenError } from './access.errors.js';
import type { Access } from './access.js';
import { GatewayHandshakes } from './gateway-handshakes.js';
import { OperatorAdmission } from './operators/operator-admission.js';
import { requireAccess } from './require-access.js';

/** Admits GraphQL operations and messages to their handlers, as `RequestAdmission` does with requests. */
@Injectable()
export class CallAdmission {
  constructor(
    private readonly calls: TransportCalls,
    private readonly context: TenantContext,
    private readonly handshakes: GatewayHandshakes,
    private readonly operators: OperatorAdmission,
    private readonly usage: UsageCounter,
    private readonly limiter: RequestLimiter,
  ) {}

  /**
   * Makes what follows in the call work for its caller's tenant.
   *
   * @throws UnauthenticatedError, ForbiddenError, TenantRateLimitedError, or the reason why the caller's tenant is not served
   */
  async admit(access: Access, execution: ExecutionContext): Promise<true> {
    if (access === 'public') return true;
    const call = this.calls.of(execution);
    if (!call) throw new ForbiddenError('this call has no request that its caller could be identified by');
    const caller = await call.caller(access === 'tenant' ? 'resolver' : 'credential');
    const rejection = finalRejectionOf(caller);
    if (rejection !== undefined) call.onRefused?.(rejection);
    requireAccess(access, caller);
    await this.operators.admit(caller, execution);
    await this.count(call, caller, execution);
    this.enter(call, caller);
    if (execution.getType() === 'ws') this.handshakes.onAdmitted(execution.switchToWs().getClient(), caller);
    return true;
  }

  /** Runs the handler in the call's context. Over GraphQL its resolvers run in it already. */
  handle(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    const context = this.calls.of(execution)?.context;
    if (!context || context === currentContext()) return next.handle();
    const isMessage = ['ws', 'rpc'].includes(execution.getType<string>());
    const answer = (): Observable<unknown> => (isMessage ? this.counted(context, next) : next.handle());
    return new Stream((subscriber): Subscription => runInContext(context, () => answer().subscribe(subscriber)));
  }

  /** A message counts as a request. Over HTTP that is counted itself. */
  private counted({ tenantId, usage }: CallContext, next: CallHandler): Observable<unknown> {
    if (tenantId === undefined || !usage) return next.handle();
    return defer(() => {
      const startedAt = performance.now();
      let failed = false;
      return next.handle().pipe(
        tap({ error: () => (failed = true) }),
        finalize(() => {
          const durationMs = performance.now() - startedAt;
          this.usage.record(tenantId, { kind: 'requests', failed, durationMs }, usage);
        }),
      );
    });
  }

  /**
   * Counts a GraphQL operation and a message of a socket once, however many resolvers run. Not the messages of a microservice:
   * a broker's event that is refused would be lost.
   */
  private async count(call: TransportCall, caller: Caller, execution: ExecutionContext): Promise<void> {
    if (caller.kind !== 'tenant' || execution.getType<string>() === 'rpc') return;
    call.counted ??= (async () => this.limiter.admit(caller.tenant.id, caller.scope?.limits))();
    return call.counted;
  }

  private enter(call: TransportCall, caller: Caller): void {
    if (caller.kind !== 'tenant' || !caller.scope) return;
    const usage = call.context.usage ?? newUsage();
    this.context.enter(call.context, caller.scope, { principal: caller.principal, usage });
  }
}
