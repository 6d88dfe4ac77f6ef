import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { CATALOG_TARGET } from '../../catalog/catalog-target.js';
import { AdminConnections } from '../../database/admin-connections/admin-connections.js';
import { withCleanup } from '../../database/admin-connections/with-cleanup.js';
import type { ConnectionTarget } from '../../database/connection/connection-target.js';
import { TargetDatabases } from '../../admin/targets/target-databases.js';
import type { ControlPlaneSession } from '../session/control-plane-session.js';

/**
 * Runs `work` on a connection of the owner to a database in which migrations can be tried: one with tenants, whose tables
 * stay as they are; while there is none, a database that is dropped afterwards.
 */
export async function inScratchDatabase<T>(
  session: ControlPlaneSession,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const targets = session.get(TargetDatabases);
  const [target] = await targets.all();
  if (target) return targets.use(target, work);
  const connections = session.get(AdminConnections);
  const catalog = session.get<ConnectionTarget>(CATALOG_TARGET);
  const name = `tenantry_scratch_${randomBytes(6).toString('hex')}`;
  const send = (sql: string): Promise<void> =>
    connections.use(catalog, async (client) => void (await client.query(sql)));
  await send(`CREATE DATABASE ${name}`);
  return withCleanup(
    () => connections.use({ ...catalog, database: name }, work),
    () => send(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  );
}
