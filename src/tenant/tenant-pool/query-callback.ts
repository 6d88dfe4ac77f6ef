import { callbackify } from 'node:util';
import type pg from 'pg';
import { isSubmittable, type QueryInput } from '../../database/transactions/stamped-client.js';

export type QueryCallback = (error: Error | null, result?: pg.QueryResult) => void;

/** The callback of a query, wherever node-postgres lets it stand. */
export function callbackOf(
  input: QueryInput,
  values: readonly unknown[] | QueryCallback | undefined,
  callback: QueryCallback | undefined,
): QueryCallback | undefined {
  if (typeof values === 'function') return values;
  return callback ?? (isSubmittable(input) ? undefined : (input as { callback?: QueryCallback }).callback);
}

/** Passes the result to the callback, or returns it where there is none. */
export function deliver(
  result: Promise<pg.QueryResult>,
  callback: QueryCallback | undefined,
): Promise<pg.QueryResult> | undefined {
  if (!callback) return result;
  callbackify(() => result)(callback);
  return undefined;
}
