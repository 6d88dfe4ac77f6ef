import type pg from 'pg';
import { clientConfig } from '../../database/connection/client-config.js';
import { type ConnectionTarget, sessionTarget } from '../../database/connection/connection-target.js';
import { ReadWriteClient } from '../../database/connection/read-write-client.js';
import type { PoolOptions } from '../../database/pool/pool-options.js';
import { NotSuperuserError } from '../terminal/cli.errors.js';

const IS_SUPERUSER = 'SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = CURRENT_USER';

/**
 * Runs `work` on a connection of a superuser to the database of `owner`, around any pooler. Names are looked up in
 * `pg_catalog` alone, because others may create objects in that database.
 *
 * @throws NotSuperuserError, the errors of node-postgres
 */
export async function asSuperuser<T>(
  owner: ConnectionTarget,
  { role, password }: { readonly role: string; readonly password: string },
  options: PoolOptions,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const target = { ...sessionTarget(owner), role, password, options: '-c search_path=pg_catalog' };
  const client = new ReadWriteClient({ ...clientConfig(target, options), application_name: 'tenantry superuser' });
  client.on('error', () => undefined); // the pending query rejects with the same error
  try {
    await client.connect();
    const { rows } = await client.query<{ rolsuper: boolean }>(IS_SUPERUSER);
    if (!rows[0]?.rolsuper) throw new NotSuperuserError(role);
    return await work(client);
  } finally {
    await client.end();
  }
}
