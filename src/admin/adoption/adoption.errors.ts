import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised for a schema that cannot be adopted as it is. */
export class AdoptionRefusedError extends CodedError {
  readonly code = 'ADOPTION_REFUSED';

  constructor(readonly reasons: readonly string[]) {
    super(`nothing was changed, because of what the report calls refused:\n  ${reasons.join('\n  ')}`);
  }
}

/** Raised for a list of tenants that cannot be registered. */
export class AdoptedTenantsError extends CodedError {
  readonly code = 'ADOPTED_TENANTS';
}

/** Raised when the catalog has something else where adopted tenants would be. */
export class AdoptionConflictError extends CodedError {
  readonly code = 'ADOPTION_CONFLICT';
}
