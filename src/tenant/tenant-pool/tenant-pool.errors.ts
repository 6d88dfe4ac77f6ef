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
