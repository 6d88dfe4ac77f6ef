import { AsyncResource } from 'node:async_hooks';

const EMPTY_CONTEXT = new AsyncResource('ConnectionPool');

/**
 * Runs `work` outside any caller's async context. Socket events and timers inherit the context in which the socket or
 * timer was created; without this, shared code would run as the tenant whose call happened to create it.
 */
export function runWithoutContext<T>(work: () => T): T {
  return EMPTY_CONTEXT.runInAsyncScope(work);
}
