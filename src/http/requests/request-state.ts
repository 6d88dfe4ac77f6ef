import { newUsage, type Usage } from '../../database/statements/usage.js';
import type { CallContext } from '../../platform/context.js';
import { type HttpRequest, nodeRequest } from './http-request.js';

/** The part of a request's caller that this layer needs; the tenant layer defines the full type. */
interface RequestCaller {
  readonly kind: 'anonymous' | 'operator' | 'tenant' | 'refused';
  readonly tenant?: { readonly id: string; readonly slug: string };
  readonly principal?: unknown;
}

/** State that the application attaches to a request. */
export interface RequestState<Caller extends RequestCaller = RequestCaller> {
  readonly caller: Caller;
  readonly usage: Usage;
  /** What has identified the caller: a request may pass through two applications of one process. */
  readonly identifiedBy: object;
  /** Set by what counts it against its tenant's limits: a request may pass several guards. */
  isCounted?: boolean;
}

const STATE = Symbol.for('tenantry/request-state');
const OPEN_CONTEXT = Symbol.for('tenantry/open-context');

/** Stored on Node's request, which exists before a framework's; a property is cheaper than a WeakMap entry. */
interface RequestWithState {
  [STATE]?: RequestState;
  [OPEN_CONTEXT]?: CallContext;
}

export function setRequestState(request: HttpRequest, state: RequestState): void {
  (nodeRequest(request) as RequestWithState)[STATE] = state;
}

/** Undefined for probes, and until the caller is identified. */
export function requestState(request: HttpRequest): RequestState | undefined {
  return (nodeRequest(request) as RequestWithState)[STATE];
}

/** The request's database usage so far. */
export function usageOf(request: HttpRequest): Usage {
  return requestState(request)?.usage ?? newUsage();
}

/** Keeps the context that the request runs in, so that it can be filled once its tenant is known. */
export function setOpenContext(request: HttpRequest, context: CallContext): void {
  (nodeRequest(request) as RequestWithState)[OPEN_CONTEXT] = context;
}

/** Undefined where the context is opened with its tenant, and on routes that are no tenant's. */
export function openContextOf(request: HttpRequest): CallContext | undefined {
  return (nodeRequest(request) as RequestWithState)[OPEN_CONTEXT];
}
