import { QueryFailedError } from 'typeorm';
import type { CodedError } from '../errors/coded-error.js';

/** Name of a constraint -> what its violation means to the caller. */
export type ConstraintErrors = Readonly<Record<string, () => CodedError>>;

/**
 * Runs `work` and lets the database decide what is unique and what exists: a check beforehand would race with other
 * requests. PostgreSQL's own error carries the row's values and goes no further than here.
 *
 * @throws the refusal that `refusals` has for the violated constraint; any other error as it is
 */
export async function withConstraintErrors<T>(refusals: ConstraintErrors, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw refusals[violatedConstraint(error)]?.() ?? error;
  }
}

function violatedConstraint(error: unknown): string {
  if (!(error instanceof QueryFailedError)) return '';
  return (error.driverError as { constraint?: string }).constraint ?? '';
}
