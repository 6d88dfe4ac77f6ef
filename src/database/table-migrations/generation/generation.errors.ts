import { CodedError } from '../../../platform/errors/coded-error.js';

/** Raised when entities ask for what a generated migration cannot express; nothing was generated. */
export class MigrationNotGeneratedError extends CodedError {
  readonly code = 'MIGRATION_NOT_GENERATED';

  constructor(readonly reasons: readonly string[]) {
    super(`write this by hand, or change the entities: ${reasons.join('; ')}`);
  }
}
