import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when a backup that was read back is not what was written. */
export class BackupDiffersError extends CodedError {
  readonly code = 'BACKUP_DIFFERS';

  constructor(readonly key: string) {
    super(`the object ${key} is another archive than the one that was written`);
  }
}

/** Raised when the tables of a drill do not keep tenants apart as those of a restored tenant must. */
export class DrillNotIsolatedError extends CodedError {
  readonly code = 'DRILL_NOT_ISOLATED';

  constructor(
    readonly table: string,
    problem: string,
  ) {
    super(`the restored table ${table} ${problem}`);
  }
}
