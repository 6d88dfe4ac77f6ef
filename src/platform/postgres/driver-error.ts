import { QueryFailedError } from 'typeorm';

/** PostgreSQL's or node-postgres' error, which TypeORM wraps in one that contains the query's parameters. */
export function driverError(error: unknown): unknown {
  return error instanceof QueryFailedError ? (error.driverError as unknown) : error;
}
