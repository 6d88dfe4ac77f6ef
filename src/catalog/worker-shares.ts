import type { DataSource } from 'typeorm';
import { IsNull, Not } from 'typeorm';
import type { AppConfig } from '../platform/config/app-config.js';
import { ConfigurationError } from '../platform/config/config.errors.js';
import { ServerEntity } from './entities/server.entity.js';
import { leastLimit } from './instances/server-limit.js';

/** The smallest connection limit that a server may have, so that each worker has a useful share of it. */
export function leastConnections(
  { workers }: Pick<AppConfig, 'workers'>,
  { host }: Pick<ServerEntity, 'host'>,
): number {
  if (workers === 1) return 1;
  return leastLimit(workers, host === null);
}

/**
 * Checks the limits that servers have in the catalog; that of `DB_SERVER_MAX_CONNECTIONS` is checked with the configuration.
 *
 * @throws ConfigurationError when the workers would exceed a limit, or one of them could not serve a server's tenants
 */
export async function assertWorkerShares(catalog: DataSource, config: Pick<AppConfig, 'workers'>): Promise<void> {
  const limited = await catalog.getRepository(ServerEntity).findBy({ maxConnections: Not(IsNull()) });
  const problems = limited.flatMap(({ name, host, maxConnections }) => {
    const least = leastConnections(config, { host });
    if (maxConnections === null || maxConnections >= least) return [];
    const expected = `to be lower, or the connection limit of the server ${name}, ${maxConnections}, to be at least ${least}: servers set`;
    return [{ variable: 'WORKERS', expected }];
  });
  if (problems.length > 0) throw new ConfigurationError(problems);
}
