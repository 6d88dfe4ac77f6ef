import { QueryFailedError } from 'typeorm';

/** PostgreSQL's or node-postgres' error, which TypeORM and Drizzle wrap in one that contains the query's parameters. */
export function driverError(error: unknown): unknown {
  if (error instanceof QueryFailedError) return error.driverError as unknown;
  return isOfDrizzle(error) ? error.cause : error;
}

/** By its class's name, because Drizzle is not imported. */
function isOfDrizzle(error: unknown): error is Error {
  return error instanceof Error && error.constructor.name === 'DrizzleQueryError' && error.cause instanceof Error;
}
