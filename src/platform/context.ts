import { AsyncResource, AsyncLocalStorage } from 'node:async_hooks';
import type { EventEmitter } from 'node:events';
import { processWide } from './process-wide.js';

/**
 * Values that follow a call through everything it awaits. Each property is declared by the module that sets it:
 * `declare module '…/platform/context.js' { interface CallContext { … } }`.
 */
// oxlint-disable-next-line typescript/no-empty-interface, typescript/no-empty-object-type -- filled by declaration merging
export interface CallContext {}

/**
 * The only AsyncLocalStorage of the process: on Node 20 and 22 each additional one makes every promise about 25 %
 * slower.
 */
const storage = processWide('call-context', () => new AsyncLocalStorage<CallContext>());

/** Runs `work`, and everything it awaits, in the given context. */
export function runInContext<T>(context: CallContext, work: () => T): T {
  return storage.run(context, work);
}

/** The context of the current call; undefined outside `runInContext`. */
export function currentContext(): CallContext | undefined {
  return storage.getStore();
}

/**
 * Makes an emitter's listeners run in the asynchronous context of the current caller.
 *
 * Events that originate from a socket otherwise carry the context in which the connection was opened, possibly for another
 * tenant, and the listener would work for that tenant.
 */
export function bindToCaller<Emitter extends EventEmitter>(emitter: Emitter): Emitter {
  return Object.assign(emitter, { emit: AsyncResource.bind(emitter.emit, 'TenantEvents', emitter) });
}
