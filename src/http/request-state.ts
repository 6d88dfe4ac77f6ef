import type { FastifyRequest } from 'fastify';
import type { Usage } from '../database/statements/usage.js';

/** As much of a request's caller as this layer needs; the tenant layer has the whole. */
export interface RequestCaller {
  readonly kind: 'anonymous' | 'admin' | 'tenant' | 'refused';
}

/** What the application knows of a request besides what the request itself contains. */
export interface RequestState<Caller extends RequestCaller = RequestCaller> {
  readonly caller: Caller;
  readonly usage: Usage;
}

const STATE = Symbol('request state');

/** Node's request: it exists before Fastify's does, and a property is cheaper than an entry of a WeakMap. */
interface RequestWithState {
  [STATE]?: RequestState;
}

export function setRequestState({ raw }: FastifyRequest, state: RequestState): void {
  (raw as RequestWithState)[STATE] = state;
}

/** Undefined until the caller is identified, and for probes. */
export function requestState({ raw }: FastifyRequest): RequestState | undefined {
  return (raw as RequestWithState)[STATE];
}

/** What the request has asked of the database so far. */
export function usageOf(request: FastifyRequest): Readonly<Usage> {
  return requestState(request)?.usage ?? { statements: 0, waitMs: 0 };
}
