import type { AppConfig } from '../../platform/config/app-config.js';
import type { ServerAddress } from '../connection/connection-target.js';

/**
 * Kept free of pools on every server, for what is not a tenant's: the catalog's own pool (4), notifications (1), health
 * (1), operations under way (2, `OPERATION_SLOTS`), and the owner's connections (4, `OWNER_CONNECTIONS`).
 */
export const RESERVED_CONNECTIONS = 12;

/** How many connections the pools of this process may have to a server. */
export function serverLimit({ maxConnections }: ServerAddress, { pool }: AppConfig): number {
  return Math.max(1, (maxConnections ?? pool.serverMaxConnections) - RESERVED_CONNECTIONS);
}
