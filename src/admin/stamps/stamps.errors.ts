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

/** Raised when stamps cannot be enforced because instances that do not sign them are running. */
export class FormerInstancesError extends CodedError {
  readonly code = 'FORMER_INSTANCES';

  /** @param database which they are connected to: one with tenants, or the catalog's own */
  constructor(
    readonly database: 'the catalog' | `database ${string}`,
    readonly connections: number,
  ) {
    super(`stop the instances of the former release first: ${connections} of their connections lead to ${database}`);
  }
}
