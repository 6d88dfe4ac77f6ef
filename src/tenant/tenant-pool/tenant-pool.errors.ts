import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised where a library would open a connection itself instead of using those of the tenants. */
class OwnConnectionError extends CodedError {
  readonly code = 'OWN_CONNECTION';

  constructor() {
    super(
      'a library took TenantPool for the options of a pool and was about to open a connection that knows no tenant: it has another copy of pg than this application, see `npm ls pg`',
    );
  }
}

/**
 * Stands where node-postgres' client class does among the members and options of `TenantPool`: a library with another copy
 * of pg, to which `TenantPool` is no pool, reads it there.
 */
export class RefusedClient {
  constructor() {
    throw new OwnConnectionError();
  }
}

/** Raised for a statement of a Prisma client that collects the calls of all tenants. */
export class SharedPrismaBatchError extends CodedError {
  readonly code = 'SHARED_PRISMA_BATCH';

  constructor() {
    super(
      'a Prisma client may put the calls of different tenants into one statement: create it with separateTenants(new PrismaClient({ adapter: new PrismaPg(pool) }))',
    );
  }
}

/** Raised for a Prisma client whose collection of calls is not where it was known to be. */
export class UnknownPrismaError extends CodedError {
  readonly code = 'UNKNOWN_PRISMA';

  constructor() {
    super('separateTenants() does not know this version of Prisma: it takes the client of Prisma 7, before $extends()');
  }
}
