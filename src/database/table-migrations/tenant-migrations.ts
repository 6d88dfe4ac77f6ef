import type { ConnectionTarget } from '../connection/connection-target.js';
import type { PoolOptions } from '../pool/pool-options.js';
import { migrateTables } from './migrate-tables.js';
import type { Migration } from './migration-names.js';
import { withOwner } from '../admin-connections/owner-connection.js';

/** One schema that holds tenant tables, reached as the owner of those tables. */
export interface TenantTables {
  readonly owner: ConnectionTarget;
  readonly schema: string;
  /** The login role that applications use the tables with. */
  readonly role: string;
}

/** `migrateTables` on a connection of its own; tells the newest migration that the tables have. */
export function migrateTenantTables(
  tables: TenantTables,
  migrations: readonly Migration[],
  options: PoolOptions,
): Promise<string> {
  return withOwner(tables.owner, options, async (client) => {
    const { version } = await migrateTables(client, tables, migrations);
    return version;
  });
}
