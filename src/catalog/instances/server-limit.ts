import { leastShare } from '../../platform/config/worker-share.js';

/** Part of what a server allows that is left to other programs, unless the server's limit says otherwise. */
const LEFT_TO_OTHERS = 0.1;
/** Connections that are lent to no instance: for one that starts, or a command. The catalog's server is where they begin. */
const UNLENT = { catalogs: 4, others: 1 };

/** In SQL: how many connections a server admits, without those reserved for superusers, of PostgreSQL 16 on also for others. */
export const ALLOWED_CONNECTIONS = `current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
  - coalesce(current_setting('reserved_connections', true)::int, 0)`;

/**
 * In SQL: how many connections to a server all instances together may have; NULL while nothing says so. What the catalog's own
 * server allows is asked at once.
 *
 * @param server alias of `servers`
 */
export function serverLimit(server: string): string {
  return `coalesce(${server}.max_connections, floor((1 - ${LEFT_TO_OTHERS}) * CASE WHEN ${server}.host IS NULL
      THEN ${ALLOWED_CONNECTIONS} ELSE ${server}.allowed_connections END)::int)`;
}

/** The same for a server that allows so many connections, without those reserved for superusers. */
export function defaultLimit(allowed: number): number {
  return Math.floor((1 - LEFT_TO_OTHERS) * allowed);
}

/** What of a limit is lent to instances: at least what one of them needs, if the limit has that. */
export function lendable(limit: number, isCatalogs: boolean): number {
  return Math.max(limit - unlentOf(isCatalogs), Math.min(limit, leastShare(isCatalogs)));
}

/** The smallest limit that so many processes fit into. */
export function leastLimit(processes: number, isCatalogs: boolean): number {
  return processes * leastShare(isCatalogs) + unlentOf(isCatalogs);
}

function unlentOf(isCatalogs: boolean): number {
  return isCatalogs ? UNLENT.catalogs : UNLENT.others;
}
