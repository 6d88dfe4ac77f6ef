import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { Observable } from 'rxjs';
import type { HttpRequest } from '../../http/requests/http-request.js';
import { currentContext, runInContext } from '../../platform/context.js';
import type { Caller } from '../identification/caller.js';
import { callerOf, RequestIdentification } from '../identification/request-identification.js';
import { finalRejectionOf } from '../transports/final-rejection.js';
import { OpenCalls } from '../transports/open-calls.js';

/**
 * Ends a tenant's stream of server-sent events when its caller is refused: the key is revoked, the token has expired, the tenant
 * is suspended. Each event is sent only if the caller is still served when it arrives.
 */
@Injectable()
export class StreamInterceptor implements NestInterceptor {
  constructor(
    private readonly identification: RequestIdentification,
    private readonly openCalls: OpenCalls,
  ) {}

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = execution.switchToHttp().getRequest<HttpRequest>();
    const caller = callerOf(request);
    if (caller.kind !== 'tenant') return next.handle();
    return this.guarded(next.handle(), caller.tenant.id, () => this.identification.currentCaller(request, 'resolver'));
  }

  private guarded(
    events: Observable<unknown>,
    tenantId: string,
    recheck: () => Caller | Promise<Caller>,
  ): Observable<unknown> {
    return new Observable((subscriber) => {
      const context = currentContext() ?? {};
      const end = (rejection: unknown): void => runInContext(context, () => subscriber.error(rejection));
      let sent = Promise.resolve();
      const inTurn = (work: () => void | Promise<void>): void => void (sent = sent.then(work));
      const send = async (event: unknown): Promise<void> => {
        const rejection = finalRejectionOf(await recheck(), tenantId);
        if (rejection === undefined) runInContext(context, () => subscriber.next(event));
        else end(rejection);
      };
      subscriber.add(this.openCalls.watch(tenantId, recheck, end));
      subscriber.add(
        events.subscribe({
          next: (event) => inTurn(() => send(event)),
          error: (error: unknown) => inTurn(() => end(error)),
          complete: () => inTurn(() => subscriber.complete()),
        }),
      );
    });
  }
}
