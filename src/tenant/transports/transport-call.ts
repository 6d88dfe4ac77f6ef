import type { OpenContext } from '../context/tenant-context.js';
import type { Caller } from '../identification/caller.js';

/** By which part of a request its caller is identified. */
type IdentifiedBy = 'resolver' | 'credential';

/** A GraphQL operation, a message of a socket, or a message of a microservice. */
export interface TransportCall {
  /** What its handlers run in; empty until the call is admitted. */
  readonly context: OpenContext;
  /** Settles when the call is counted against its tenant's limits; undefined until then. */
  counted?: Promise<void>;
  /** Decided once per call. Never rejects. */
  caller(by: IdentifiedBy): Caller | Promise<Caller>;
  /** Receives the reason when the caller is refused for good. */
  onRefused?(rejection: unknown): void;
}

/** Identifies once, and returns the same caller from then on. */
export function once(identify: TransportCall['caller']): TransportCall['caller'] {
  const known = new Map<IdentifiedBy, Caller | Promise<Caller>>();
  return (by) => {
    const caller = known.get(by) ?? identify(by);
    known.set(by, caller);
    return caller;
  };
}
