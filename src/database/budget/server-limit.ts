import type { AppConfig } from '../../platform/config/app-config.js';
import type { ServerAddress } from '../connection/connection-target.js';

/**
 * Connections reserved on each server for non-tenant use: the catalog's own pool (4), notifications (1), health (1),
 * running operations (2, `OPERATION_SLOTS`), and admin connections (4, `MAX_ADMIN_CONNECTIONS`).
 */
export const RESERVED_CONNECTIONS = 12;

/** The maximum number of connections from this process's pools to a server. */
export function serverLimit({ maxConnections }: ServerAddress, { pool }: AppConfig): number {
  return Math.max(1, (maxConnections ?? pool.serverMaxConnections) - RESERVED_CONNECTIONS);
}
