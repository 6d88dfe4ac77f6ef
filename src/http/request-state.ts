import type { FastifyRequest } from 'fastify';
import type { Usage } from '../database/statements/usage.js';

/** The part of a request's caller that this layer needs; the tenant layer defines the full type. */
interface RequestCaller {
  readonly kind: 'anonymous' | 'admin' | 'tenant' | 'refused';
}

/** State that the application attaches to a request. */
export interface RequestState<Caller extends RequestCaller = RequestCaller> {
  readonly caller: Caller;
  readonly usage: Usage;
}

const STATE = Symbol('request state');

/** Stored on Node's request, which exists before Fastify's; a property is cheaper than a WeakMap entry. */
interface RequestWithState {
  [STATE]?: RequestState;
}

export function setRequestState({ raw }: FastifyRequest, state: RequestState): void {
  (raw as RequestWithState)[STATE] = state;
}

/** Undefined for probes, and until the caller is identified. */
export function requestState({ raw }: FastifyRequest): RequestState | undefined {
  return (raw as RequestWithState)[STATE];
}

/** The request's database usage so far. */
export function usageOf(request: FastifyRequest): Readonly<Usage> {
  return requestState(request)?.usage ?? { statements: 0, waitMs: 0 };
}
