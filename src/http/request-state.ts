import type { Usage } from '../database/statements/usage.js';
import { type HttpRequest, nodeRequest } from './http-request.js';

/** The part of a request's caller that this layer needs; the tenant layer defines the full type. */
interface RequestCaller {
  readonly kind: 'anonymous' | 'admin' | 'tenant' | 'refused';
}

/** State that the application attaches to a request. */
export interface RequestState<Caller extends RequestCaller = RequestCaller> {
  readonly caller: Caller;
  readonly usage: Usage;
}

const STATE = Symbol.for('tenantry/request-state');

/** Stored on Node's request, which exists before a framework's; a property is cheaper than a WeakMap entry. */
interface RequestWithState {
  [STATE]?: RequestState;
}

export function setRequestState(request: HttpRequest, state: RequestState): void {
  (nodeRequest(request) as RequestWithState)[STATE] = state;
}

/** Undefined for probes, and until the caller is identified. */
export function requestState(request: HttpRequest): RequestState | undefined {
  return (nodeRequest(request) as RequestWithState)[STATE];
}

/** The request's database usage so far. */
export function usageOf(request: HttpRequest): Readonly<Usage> {
  return requestState(request)?.usage ?? { statements: 0, waitMs: 0 };
}
