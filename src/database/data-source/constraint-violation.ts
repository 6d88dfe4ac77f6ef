import pg from 'pg';
import { ConstraintViolationError } from '../../platform/errors/request.errors.js';
import { driverError } from '../../platform/postgres/driver-error.js';
import type { ConstraintMessage } from '../table-migrations/tenant-schema/tenant-schema.js';
import { constraintColumns } from './constraint-columns.js';
import { type FailedStatement, failedStatementOf } from './failed-statement.js';

/** `conflict`: a row is in the way, 409. `invalid`: the values are wrong, 400. */
type Verdict = 'conflict' | 'invalid';

/** Class 23 of https://www.postgresql.org/docs/current/errcodes-appendix.html */
const RESTRICT_VIOLATION = '23001';
const NOT_NULL_VIOLATION = '23502';
const FOREIGN_KEY_VIOLATION = '23503';
const UNIQUE_VIOLATION = '23505';
const CHECK_VIOLATION = '23514';
const EXCLUSION_VIOLATION = '23P01';

const MESSAGES: Readonly<Record<string, string>> = {
  [RESTRICT_VIOLATION]: 'other data refers to this',
  [NOT_NULL_VIOLATION]: 'is required',
  [UNIQUE_VIOLATION]: 'the same already exists',
  [CHECK_VIOLATION]: 'is not allowed',
  [EXCLUSION_VIOLATION]: 'this conflicts with what already exists',
};

/** Whether a statement of a tenant has violated a constraint. False for other databases, such as the catalog. */
export function isConstraintViolation(error: unknown): boolean {
  return failedStatementOf(error) !== undefined && verdictOf(driverError(error), '') !== undefined;
}

/**
 * What a violated constraint of a tenant's table means to the caller. It names columns, which need a query when they are asked
 * for the first time, and no values.
 *
 * @returns undefined for every other error
 */
export async function toConstraintViolation(error: unknown): Promise<ConstraintViolationError | undefined> {
  const failed = failedStatementOf(error);
  const cause = driverError(error);
  const verdict = failed && verdictOf(cause, failed.text);
  if (!failed || !verdict || !(cause instanceof pg.DatabaseError)) return undefined;
  const columns = await columnsOf(cause, failed);
  const constraint = { name: cause.constraint, table: cause.table, columns };
  const message = messageOf(cause, verdict, failed);
  if (verdict === 'conflict') return new ConstraintViolationError(constraint, message, { cause: error });
  const fields = columns.map((column) => ({ field: propertyOf(column, cause.table, failed), message }));
  const isNamed = fields.length > 0;
  return new ConstraintViolationError(constraint, isNamed ? 'the request is not valid' : `a value ${message}`, {
    cause: error,
    fields: isNamed ? fields : [{ field: '', message }],
  });
}

function verdictOf(error: unknown, statement: string): Verdict | undefined {
  if (!(error instanceof pg.DatabaseError)) return undefined;
  switch (error.code) {
    case UNIQUE_VIOLATION:
    case EXCLUSION_VIOLATION:
    case RESTRICT_VIOLATION:
      return 'conflict';
    case CHECK_VIOLATION:
      return 'invalid';
    case NOT_NULL_VIOLATION:
      return error.column === 'tenant_id' ? undefined : 'invalid'; // a statement without a stamp is a fault
    case FOREIGN_KEY_VIOLATION:
      return isReferenced(error, statement) ? 'conflict' : 'invalid';
    default:
      return undefined;
  }
}

/**
 * Whether the violated row is one that others refer to, rather than one that refers to nothing: PostgreSQL has one code for
 * both, and messages in the language of the server.
 */
function isReferenced({ message }: pg.DatabaseError, statement: string): boolean {
  if (message.startsWith('insert or update on')) return false;
  return message.startsWith('update or delete on') || !/^\s*insert\b/i.test(statement);
}

async function columnsOf(error: pg.DatabaseError, { source }: FailedStatement): Promise<readonly string[]> {
  const { schema, table, constraint, column } = error;
  if (column !== undefined) return [column];
  if (constraint === undefined) return [];
  return constraintColumns(source.access, { schema, table, constraint });
}

function messageOf(error: pg.DatabaseError, verdict: Verdict, { source }: FailedStatement): string {
  const given: string | ConstraintMessage | undefined = source.constraints[error.constraint ?? ''];
  const message = typeof given === 'string' ? given : given?.[verdict];
  if (message !== undefined) return message;
  if (error.code !== FOREIGN_KEY_VIOLATION) return MESSAGES[error.code ?? ''] ?? 'is not allowed';
  return verdict === 'conflict' ? 'other data refers to this' : 'refers to nothing that exists';
}

/** The entity's name of a column, which is what an API usually shows; the column's own where there is no such entity. */
function propertyOf(column: string, table: string | undefined, { source }: FailedStatement): string {
  const metadata = source.entityMetadatas.find(({ tableName }) => tableName === table);
  return metadata?.findColumnWithDatabaseName(column)?.propertyPath ?? column;
}
