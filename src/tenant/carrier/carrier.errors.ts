import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised for a carrier that this installation has not made, or that was changed. The reason is for the log. */
export class InvalidCarrierError extends CodedError {
  readonly code = 'INVALID_CARRIER';

  constructor(
    readonly reason: string,
    cause?: unknown,
  ) {
    super(`the tenant carrier is not valid: ${reason}`, { cause, publicMessage: 'the tenant carrier is not valid' });
  }
}

/** Raised for a carrier whose expiry has passed, by this instance's clock. */
export class CarrierExpiredError extends CodedError {
  readonly code = 'CARRIER_EXPIRED';

  constructor(readonly expiredAt: Date) {
    super('the tenant carrier has expired');
  }
}

/** Raised for a job or message without a carrier: there is no default tenant. */
export class MissingCarrierError extends CodedError {
  readonly code = 'MISSING_CARRIER';

  constructor() {
    super(
      'no tenant carrier: add jobs in a tenant context, with the queue of tenantry/bullmq or tenantry/pg-boss, or ' +
        'with withCarrier(data, TenantContext.capture())',
    );
  }
}

/** Raised when the principal is not plain JSON: what it has besides would be lost on the way. */
export class UncarriablePrincipalError extends CodedError {
  readonly code = 'UNCARRIABLE_PRINCIPAL';

  /** @param path dotted, below `principal` */
  constructor(
    readonly path: string,
    problem: string,
  ) {
    super(`the principal cannot travel: ${path} ${problem}; name what travels: capture({ principal: { … } })`);
  }
}

/** Raised for an expiry that is not a whole number of milliseconds above zero. */
export class InvalidCarrierExpiryError extends CodedError {
  readonly code = 'INVALID_CARRIER_EXPIRY';

  constructor() {
    super('expiresInMs must be a whole number of milliseconds, 1 or more');
  }
}

/** Raised for job data that has no place for a carrier: anything but a plain object. */
export class UncarriableDataError extends CodedError {
  readonly code = 'UNCARRIABLE_DATA';

  constructor() {
    super('the data of a tenant’s job must be an object: { … }');
  }
}
