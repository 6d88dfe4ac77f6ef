import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * What travels with a call and everything that it awaits. Each property is declared by the module that sets it:
 * `declare module '…/platform/context.js' { interface CallContext { … } }`.
 */
// oxlint-disable-next-line typescript/no-empty-interface, typescript/no-empty-object-type -- filled by declaration merging
export interface CallContext {}

/** The one store of the process: on Node 20 and 22 each additional one makes every promise about 25 % slower. */
const storage = new AsyncLocalStorage<CallContext>();

export function runInContext<T>(context: CallContext, work: () => T): T {
  return storage.run(context, work);
}

/** Undefined outside `runInContext`. */
export function currentContext(): CallContext | undefined {
  return storage.getStore();
}
