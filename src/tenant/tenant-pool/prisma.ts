import { currentContext, runInContext } from '../../platform/context.js';
import { UnknownPrismaError } from './tenant-pool.errors.js';

declare module '../../platform/context.js' {
  interface CallContext {
    /** Whether the call of a Prisma client was collected with calls of the same tenant only. */
    readonly isPrismaSeparated?: boolean;
  }
}

/** What collects the calls of one tick, to send those for single rows of one model as one statement. */
interface DataLoader {
  readonly options: object;
  request(call: unknown): Promise<unknown>;
}

/** The private part of Prisma's client that is used here (packages/client/src/runtime, 7.0 to 7.10). */
interface PrismaInternals {
  readonly _requestHandler?: { readonly dataloader?: DataLoader };
}

/**
 * Has a Prisma client collect the calls of each tenant apart. On its own it collects the `findUnique` of all callers in a
 * tick, makes one statement of them, and sends it in the context of the first caller: the others would receive that
 * tenant's rows.
 *
 * @returns the same client, for `const prisma = separateTenants(new PrismaClient({ adapter: new PrismaPg(pool) }))`
 * @throws UnknownPrismaError for a client that is made differently
 */
export function separateTenants<Client extends object>(prisma: Client): Client {
  const loader = (prisma as PrismaInternals)._requestHandler?.dataloader;
  if (typeof loader?.request !== 'function' || typeof loader.options !== 'object') throw new UnknownPrismaError();
  const create = loader.constructor as new (options: object) => DataLoader;
  const loaders = new Map<string | undefined, DataLoader>();
  loader.request = (call) => {
    const context = currentContext();
    const tenantId = context?.tenantId;
    const tenantLoader = loaders.get(tenantId) ?? new create(loader.options);
    if (!loaders.has(tenantId)) process.nextTick(() => loaders.delete(tenantId));
    loaders.set(tenantId, tenantLoader);
    return runInContext({ ...context, isPrismaSeparated: true }, () => tenantLoader.request(call));
  };
  return prisma;
}
