import { LEAST_CATALOG_SHARE, LEAST_SERVER_SHARE } from '../../platform/config/worker-share.js';

/** Part of what a server allows that is left to other programs, unless the server's limit says otherwise. */
const LEFT_TO_OTHERS = 0.1;
/** Connections that are lent to no instance: for one that starts, or a command. The catalog's server is where they begin. */
export const UNLENT = { catalog: 4, other: 1 };

/**
 * In SQL: how many connections to a server all instances together may have; NULL while nothing says so. What the catalog's own
 * server allows is asked at once. `reserved_connections` came with PostgreSQL 16.
 *
 * @param server alias of `servers`
 */
export function serverLimit(server: string): string {
  return `coalesce(${server}.max_connections, floor((1 - ${LEFT_TO_OTHERS}) * CASE WHEN ${server}.host IS NULL
      THEN current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0)
      ELSE ${server}.allowed_connections END)::int)`;
}

/** The same for a server that allows so many connections, without those reserved for superusers. */
export function defaultLimit(allowed: number): number {
  return Math.floor((1 - LEFT_TO_OTHERS) * allowed);
}

/** What of a limit is lent to instances: at least what one of them needs, if the limit has that. */
export function lendable(limit: number, isCatalogs: boolean): number {
  const [unlent, least] = isCatalogs ? [UNLENT.catalog, LEAST_CATALOG_SHARE] : [UNLENT.other, LEAST_SERVER_SHARE];
  return Math.max(limit - unlent, Math.min(limit, least));
}
