import { CodedError } from '../../platform/errors/coded-error.js';

/** How far the migration of a fleet has come. */
export interface FleetCounts {
  /** All that it is about: migrated, failed, and remaining. */
  readonly units: number;
  readonly migrated: number;
  readonly failed: number;
  /** Behind, and not tried. */
  readonly remaining: number;
}

/** Raised when a fleet is not all on the newest version: what failed and what remains is tried again by a retry. */
export class FleetMigrationIncompleteError extends CodedError {
  readonly code = 'FLEET_MIGRATION_INCOMPLETE';

  constructor(
    readonly counts: FleetCounts,
    /** Undefined when everything was tried. */
    readonly stoppedBecause: string | undefined,
  ) {
    const { units, migrated, failed, remaining } = counts;
    const why = stoppedBecause === undefined ? '' : `, stopped because ${stoppedBecause}`;
    super(`${migrated} of ${units} units are migrated, ${failed} failed, ${remaining} remain${why}`);
  }
}

/** Raised when an instance with older code takes up the migration to a version that it does not know. */
export class OlderCodeError extends CodedError {
  readonly code = 'OLDER_CODE';

  constructor(newest: string, to: string) {
    super(`an instance whose newest migration is ${newest} cannot migrate to ${to}: try again with newer code`);
  }
}
