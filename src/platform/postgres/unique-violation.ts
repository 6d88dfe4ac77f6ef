import pg from 'pg';
import { QueryFailedError } from 'typeorm';
import { ConflictError } from '../errors/request.errors.js';

const UNIQUE_VIOLATION = '23505';

/** Turns a unique violation into a `ConflictError` with this message; rethrows any other error. */
export function throwIfTaken(error: unknown, message: string): never {
  const cause: unknown = error instanceof QueryFailedError ? error.driverError : error;
  if (cause instanceof pg.DatabaseError && cause.code === UNIQUE_VIOLATION) throw new ConflictError(message);
  throw error;
}
