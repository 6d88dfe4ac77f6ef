import { CodedError } from '../../platform/errors/coded-error.js';

/** Progress of a fleet migration, in migration units. */
export interface FleetCounts {
  /** All units of the operation: migrated, failed and remaining. */
  readonly units: number;
  readonly migrated: number;
  readonly failed: number;
  /** Behind, and not attempted yet. */
  readonly remaining: number;
}

/** Raised when some units are not on the newest version. Retrying the operation migrates failed and remaining units. */
export class FleetMigrationIncompleteError extends CodedError {
  readonly code = 'FLEET_MIGRATION_INCOMPLETE';

  constructor(
    readonly counts: FleetCounts,
    /** Undefined when all units were attempted. */
    readonly stoppedBecause: string | undefined,
  ) {
    const { units, migrated, failed, remaining } = counts;
    const reason = stoppedBecause === undefined ? '' : `; stopped: ${stoppedBecause}`;
    super(`${migrated} of ${units} units migrated, ${failed} failed, ${remaining} remaining${reason}`);
  }
}

/**
 * Raised when a migration changes rows that tenants have left behind, which nothing may change: their moves or restores can
 * still be taken back. The migration is rolled back, also for the other tenants of the tables.
 */
export class RowsLeftBehindError extends CodedError {
  readonly code = 'ROWS_LEFT_BEHIND';

  constructor(
    readonly migration: string | undefined,
    /** Their slugs. */
    readonly tenants: readonly string[],
    cause: unknown,
  ) {
    super(
      `migration ${migration} changes rows that ${tenants.join(', ') || 'a tenant'} left here: finish the move or restore, ` +
        'or move the tenant back, then retry the operation',
      { cause },
    );
  }
}

/** Raised when an instance with older code runs a migration that was requested with newer code. */
export class OlderCodeError extends CodedError {
  readonly code = 'OLDER_CODE';

  constructor(unknown: string, to: string) {
    super(`this instance's code lacks ${unknown}, so it cannot migrate to ${to}: retry once newer code is deployed`);
  }
}
