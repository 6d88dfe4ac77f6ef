import type { Worker } from './app-config.js';

/**
 * The smallest useful share of a worker on the catalog's server: what is kept free for work that is not tenants' (notifications,
 * health, two of the catalog, an operation's lock, an admin connection), and one connection for tenants.
 */
export const LEAST_CATALOG_SHARE = 7;

/** The same on any other server: the admin connection that is kept free, and one for tenants. */
const LEAST_SERVER_SHARE = 2;

/** Without so many connections to a server a process can do nothing useful there. */
export function leastShare(isCatalogs: boolean): number {
  return isCatalogs ? LEAST_CATALOG_SHARE : LEAST_SERVER_SHARE;
}

/**
 * The part of an instance's connections to a server that a worker may have. The shares of all workers add up to the limit, if
 * that is not below their number; without a worker, the process may have all of it.
 *
 * @param limit of the instance
 */
export function shareOf(limit: number, worker: Pick<Worker, 'number' | 'count'> | undefined): number {
  if (!worker) return limit;
  const { number, count } = worker;
  const remainder = number <= limit % count ? 1 : 0; // the first workers have one more
  return Math.max(1, Math.floor(limit / count) + remainder);
}
