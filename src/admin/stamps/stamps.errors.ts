import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when stamps cannot be enforced because tables still have the policy of a former release. */
export class TablesBehindError extends CodedError {
  readonly code = 'TABLES_BEHIND';

  constructor(readonly slugs: readonly string[]) {
    super(
      `run \`tenantry migrate\` first: ${slugs.length} tenants lack signed policies (${slugs.slice(0, 5).join(', ')})`,
    );
  }
}

/** Raised when stamps cannot be enforced because somebody who does not sign is connected with a tenants' login role. */
export class FormerInstancesError extends CodedError {
  readonly code = 'FORMER_INSTANCES';

  constructor(
    readonly database: string,
    readonly sessions: number,
  ) {
    super(
      `stop the instances of the former release first: ${sessions} sessions in database ${database} send no proofs`,
    );
  }
}
