import { AsyncResource } from 'node:async_hooks';

const NOBODY = new AsyncResource('ConnectionPool');

/**
 * Runs something in nobody's asynchronous context. The events of a socket and the ticks of a timer carry the context in
 * which it was made: whatever is not bound to its caller then finds no tenant, instead of the one who happened to be the
 * first.
 */
export function runWithoutContext<T>(work: () => T): T {
  return NOBODY.runInAsyncScope(work);
}
