import { type CallContext, currentContext } from '../../platform/context.js';
import { NoTenantContextError } from './context.errors.js';

/**
 * One loader per call, made when it is first used. A data loader that calls share may collect the keys of different tenants into one
 * batch, and return one tenant's cached rows to the next.
 *
 * @param create `() => new DataLoader(…)`
 * @returns the loader of the current call; throws NoTenantContextError outside of a tenant context
 */
export function tenantScopedLoader<Loader extends object>(create: () => Loader): () => Loader {
  const loaders = new WeakMap<CallContext, Loader>();
  return () => {
    const context = currentContext();
    if (context?.tenantId === undefined) throw new NoTenantContextError();
    const loader = loaders.get(context) ?? create();
    loaders.set(context, loader);
    return loader;
  };
}
