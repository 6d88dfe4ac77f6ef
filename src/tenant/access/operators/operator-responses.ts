import type { ServerResponse } from 'node:http';
import { finished } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Operator } from '../../../catalog/model/operator.js';
import { type HttpRequest, type HttpResponse, nodeResponse } from '../../../http/requests/http-request.js';
import { reasonOf } from '../../../platform/errors/reason-of.js';
import { runWithoutContext } from '../../../platform/run-without-context.js';
import { Shutdown } from '../../../platform/shutdown/shutdown.js';
import type { Caller } from '../../identification/caller.js';
import { UnauthenticatedError } from '../../identification/identification.errors.js';
import { RequestIdentification } from '../../identification/request-identification.js';
import { finalRejectionOf } from '../../transports/final-rejection.js';

/** How often the operator of an open response is looked up: one look-up per response, which those of one key share. */
const RECHECK_MS = 2_000;
/** How long a response stays open while the catalog does not confirm its operator. */
const MAX_UNCONFIRMED_MS = 30_000;

interface OpenResponse {
  /** As admitted. */
  readonly operator: Operator;
  readonly request: HttpRequest;
  readonly response: ServerResponse;
  confirmedAtMs: number;
  isChecking: boolean;
}

/**
 * Responses of control-plane routes that go on for longer: event streams, downloads. One ends within some seconds when its
 * operator is refused (the key is revoked or has expired, the operator is revoked), and when the operator's role or tenants have
 * changed: its client may ask again, and is admitted as what its operator is by then.
 *
 * It ends as a lost connection does, so that no client takes a part for the whole. An interceptor could end streams with a last
 * event, but has Nest send the headers before the handler of a stream can refuse its request.
 */
@Injectable()
export class OperatorResponses {
  private readonly logger = new Logger('Operators');
  private readonly open = new Map<ServerResponse, OpenResponse>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(RequestIdentification) private readonly identification: Pick<RequestIdentification, 'operatorNow'>,
    shutdown: Shutdown,
  ) {
    shutdown.add('stop the change feed', () => clearInterval(this.timer));
  }

  /** Call it for an admitted operator. The admin key is valid for as long as this process runs, and needs no watching. */
  watch(operator: Operator, request: HttpRequest, httpResponse: HttpResponse): void {
    if (operator.id === null) return;
    const response = nodeResponse(httpResponse);
    if (this.open.has(response)) return; // a guard of the route's and the global one
    this.open.set(response, { operator, request, response, confirmedAtMs: performance.now(), isChecking: false });
    finished(response, () => this.forget(response));
    this.timer ??= runWithoutContext(() => setInterval(() => this.checkAll(), RECHECK_MS).unref());
  }

  private forget(response: ServerResponse): void {
    this.open.delete(response);
    if (this.open.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** A response that has not begun is left to its handler, which ends it soon, or begins it and has it looked at then. */
  private checkAll(): void {
    for (const open of this.open.values()) if (open.response.headersSent) void this.check(open);
  }

  private async check(open: OpenResponse): Promise<void> {
    if (!open.isChecking) await this.confirm(open);
    const unconfirmedMs = performance.now() - open.confirmedAtMs;
    if (unconfirmedMs > MAX_UNCONFIRMED_MS) this.end(open, 'the catalog cannot be asked for its operator');
  }

  private async confirm(open: OpenResponse): Promise<void> {
    open.isChecking = true;
    const caller = await this.identification.operatorNow(open.request);
    open.isChecking = false;
    const reason = reasonToEnd(open.operator, caller);
    if (reason !== undefined) this.end(open, reason);
    else if (caller.kind === 'operator') open.confirmedAtMs = performance.now();
  }

  private end(open: OpenResponse, reason: string): void {
    if (!this.open.has(open.response)) return;
    this.logger.log(`ends a response to operator ${open.operator.name}: ${reason}`);
    open.response.destroy();
  }
}

/** Undefined also while the catalog is unavailable. */
function reasonToEnd(admitted: Operator, caller: Caller): string | undefined {
  if (caller.kind !== 'operator') {
    const rejection = finalRejectionOf(caller);
    if (rejection instanceof UnauthenticatedError) return rejection.reason;
    return rejection === undefined ? undefined : reasonOf(rejection);
  }
  const { role, limitedTo } = caller.operator;
  const isSame = isDeepStrictEqual({ role, limitedTo }, { role: admitted.role, limitedTo: admitted.limitedTo });
  return isSame ? undefined : 'its role or its tenants have changed';
}
