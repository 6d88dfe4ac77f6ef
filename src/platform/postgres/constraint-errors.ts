import type { CodedError } from '../errors/coded-error.js';
import { driverError } from './driver-error.js';

/** Maps the name of a constraint to the error that its violation means to the caller. */
export type ConstraintErrors = Readonly<Record<string, () => CodedError>>;

/**
 * Runs `work` and relies on the database to enforce uniqueness and references: checking first would race with other
 * requests. PostgreSQL's own error contains the row's values and is not passed on.
 *
 * @throws the error that `errors` has for the violated constraint; any other error unchanged
 */
export async function withConstraintErrors<T>(errors: ConstraintErrors, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw errors[violatedConstraint(error)]?.() ?? error;
  }
}

function violatedConstraint(error: unknown): string {
  const { constraint } = (driverError(error) ?? {}) as { readonly constraint?: unknown };
  return typeof constraint === 'string' ? constraint : '';
}
