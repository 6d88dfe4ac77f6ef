import { CodedError } from '../platform/errors/coded-error.js';

/** Raised at startup when two migrations have the same name: only one of them would ever run. */
export class DuplicateMigrationError extends CodedError {
  readonly code = 'DUPLICATE_MIGRATION';

  constructor(readonly migration: string) {
    super(`two migrations have the name ${migration}`);
  }
}

/** Raised at startup when two domains mask the same column: only one of the masks would ever run. */
export class DuplicateMaskError extends CodedError {
  readonly code = 'DUPLICATE_MASK';

  constructor(
    readonly table: string,
    readonly column: string,
  ) {
    super(`column ${column} of table ${table} has two masks`);
  }
}

/** Raised at startup when an option needs a package that is not installed. */
export class MissingPackageError extends CodedError {
  readonly code = 'MISSING_PACKAGE';

  constructor(option: string, packages: readonly string[], cause: unknown) {
    super(`TenantryModule.forRoot({ ${option}: true }) needs ${packages.join(' and ')}: install it`, { cause });
  }
}

/** Raised at startup when `TenantryModule.forRoot` is imported more than once by one application. */
export class SecondRootError extends CodedError {
  readonly code = 'SECOND_ROOT';

  constructor() {
    super('TenantryModule.forRoot is imported twice: import it once, in the root module, and forFeature elsewhere');
  }
}
