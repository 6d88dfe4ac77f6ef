import { SharedGraphqlContextError } from './transports.errors.js';

type CreateContext = (this: unknown, ...args: unknown[]) => unknown;

/**
 * The application's function that makes GraphQL contexts, refused where it returns one object for two requests: Nest's drivers leave
 * the first request in it, whose caller the second one would be taken for.
 */
export function separateContexts(create: CreateContext): CreateContext {
  const requests = new WeakMap<object, unknown>();
  return async function (...args) {
    const value = await create.apply(this, args);
    if (typeof value !== 'object' || value === null) return value;
    if (requests.has(value) && requests.get(value) !== args[0]) throw new SharedGraphqlContextError();
    requests.set(value, args[0]);
    return value;
  };
}
