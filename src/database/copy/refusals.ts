import pg from 'pg';
import { CopyRefusedError } from './copy.errors.js';

/** SQLSTATE classes of values and constraints, whose errors quote rows. */
const ABOUT_ROWS = /^(?:22|23)/;
/** Those of some types' own syntax and limits (jsonpath, tsquery, tsvector), where COPY reads a row. */
const ABOUT_READ_ROWS = /^(?:0A|42|54)/;
const READING_ROWS = /^COPY .+, line \d+/m;
/** unique_violation and exclusion_violation. */
const TAKEN: ReadonlySet<string | undefined> = new Set(['23505', '23P01']);

/** Runs statements that write rows. @throws CopyRefusedError in place of errors that quote rows; any other error */
export async function writing<T>(work: () => Promise<T>, table?: string): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof pg.DatabaseError) || !isAboutRows(error)) throw error;
    throw new CopyRefusedError(error.table ?? table, error.code, error.constraint);
  }
}

function isAboutRows({ code = '', where = '' }: pg.DatabaseError): boolean {
  return ABOUT_ROWS.test(code) || (ABOUT_READ_ROWS.test(code) && READING_ROWS.test(where));
}

/** Whether another row has a value that must be unique. */
export function isTaken(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && TAKEN.has(error.code);
}
