import pg from 'pg';
import { CopyRefusedError } from './copy.errors.js';

/** SQLSTATE classes of values and constraints, whose errors quote rows. */
const ABOUT_ROWS = /^(?:22|23)/;
/** unique_violation and exclusion_violation. */
const TAKEN: ReadonlySet<string | undefined> = new Set(['23505', '23P01']);

/** Runs statements that write rows. @throws CopyRefusedError in place of errors that quote rows; any other error */
export async function writing<T>(work: () => Promise<T>, table?: string): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || !ABOUT_ROWS.test(error.code ?? '')) throw error;
    throw new CopyRefusedError(error.table ?? table, error.code, error.constraint);
  }
}

/** Whether another row has a value that must be unique. */
export function isTaken(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && TAKEN.has(error.code);
}
