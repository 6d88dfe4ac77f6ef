import { randomUUID } from 'node:crypto';
import type { ConnectionPool } from '../../../src/database/pool/connection-pool.js';
import type { ConnectionTarget } from '../../../src/database/connection/connection-target.js';
import type { PoolOptions } from '../../../src/database/pool/pool-options.js';
import { accessTo, TestPool } from '../pool/test-pool.js';
import { StampedClient } from '../../../src/database/transactions/stamped-client.js';
import { createStamp, type Stamp } from '../../../src/database/statements/stamps/stamp.js';
import { createTenantDatabase, TENANT_COLUMN, type TenantDatabase, tenantPolicy } from '../postgres/tenant-database.js';

export const POOL_OPTIONS = {
  size: 3,
  maxOverflow: 0,
  recycleSeconds: 3600,
  timeoutMs: 20_000,
  connectTimeoutMs: 5_000,
  statementTimeoutMs: 10_000,
};

export type PoolKind = 'pooled' | 'direct';
export const POOL_KINDS: readonly PoolKind[] = ['pooled', 'direct'];

export function openPool(kind: PoolKind, target: ConnectionTarget, options: Partial<PoolOptions> = {}): TestPool {
  const all = { ...POOL_OPTIONS, ...options };
  return kind === 'pooled' ? new TestPool(target, all) : new TestPool(target, { ...all, reuse: false });
}

export interface TestTenant {
  readonly id: string;
  readonly schema: string;
  readonly stamp: Stamp;
}

export function tenantIn(schema: string): TestTenant {
  const id = randomUUID();
  return { id, schema, stamp: createStamp(id, schema) };
}

/** A database with a table `notes` in each schema, and a deferred constraint to fail at `COMMIT`. */
export async function createNotesDatabase(...schemas: string[]): Promise<TenantDatabase> {
  const database = await createTenantDatabase();
  for (const schema of schemas) {
    await database.define(
      schema,
      `CREATE TABLE notes (${TENANT_COLUMN}, id bigserial PRIMARY KEY, body text NOT NULL, parent bigint,
         UNIQUE (tenant_id, body),
         CONSTRAINT notes_parent FOREIGN KEY (parent) REFERENCES notes (id) DEFERRABLE INITIALLY DEFERRED);
       ${tenantPolicy('notes')}`,
    );
  }
  return database;
}

export function clientOf(pool: ConnectionPool, { stamp }: TestTenant): StampedClient {
  return new StampedClient(accessTo(pool, stamp));
}

/**
 * The state that a connection carries from one caller to the next, all of which must be empty. The pool's own prepared
 * statements stay: they are texts without values, and no tenant's id may be in them.
 */
export async function leftovers(pool: TestPool): Promise<Record<string, unknown>[]> {
  const connections = await Promise.all(Array.from({ length: POOL_OPTIONS.size }, () => pool.acquire()));
  try {
    const found: Record<string, unknown>[] = [];
    for (const { client } of connections) {
      const status = client.getTransactionStatus();
      const { rows } = await client.query<Record<string, unknown>>(LEFTOVERS);
      found.push({ status, ...rows[0] });
    }
    return found;
  } finally {
    for (const connection of connections) connection.release();
  }
}

export const LEFTOVERS = `
  SELECT coalesce(current_setting('app.tenant_id', true), '') AS tenant,
         current_setting('search_path') AS search_path,
         current_user = session_user AS own_role,
         (SELECT count(*)::int FROM pg_settings WHERE source = 'session' AND name NOT LIKE 'transaction%') AS settings,
         (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS advisory_locks,
         (SELECT count(*)::int FROM pg_class WHERE relnamespace = pg_my_temp_schema()) AS temporary_tables,
         (SELECT count(*)::int FROM pg_listening_channels()) AS channels,
         (SELECT count(*)::int FROM pg_prepared_statements
           WHERE name !~ '^tenantry_(stamp|[0-9]+)$' OR statement ~ '[0-9a-f]{8}-[0-9a-f]{4}-' OR NOT from_sql IS FALSE
         ) AS prepared_statements,
         (SELECT count(*)::int FROM pg_cursors WHERE name <> '') AS cursors`;

export const NOTHING_LEFT = {
  status: 'I',
  tenant: '',
  search_path: '"$user", public',
  own_role: true,
  settings: 0,
  advisory_locks: 0,
  temporary_tables: 0,
  channels: 0,
  prepared_statements: 0,
  cursors: 0,
};
