import type pg from 'pg';
import { MigrationNotRecordedError } from './migration.errors.js';
import { type Migration, NO_MIGRATION, orderedNames } from './migration-names.js';
import { recordedMigrations } from './recorded-migrations.js';
import { runMigrations } from './run-migrations.js';
import { withSchemaLock } from './schema-lock.js';
import { grantTenantTables } from './tenant-grants.js';

export interface MigrateOptions {
  /** How long a migration may wait for a lock, and keep everybody behind it waiting, before it gives way. */
  readonly lockTimeoutMs?: number;
  /** How often a migration that gives way is tried altogether. */
  readonly attempts?: number;
  /** Ends waits and pauses. A running statement is cancelled by who lent the connection, when it has the same signal. */
  readonly signal?: AbortSignal;
  /** Told each time a migration gave way, with the number of the attempt, counted from 1. */
  readonly onRetry?: (attempt: number, error: Error) => void;
}

export interface MigratedTables {
  /** The newest migration of the list, as the schema records it; `none` when the list is empty. */
  readonly version: string;
  /** What this run did, in order; empty when there was nothing to do. */
  readonly applied: readonly string[];
}

export const LOCK_TIMEOUT_MS = 2_000;
export const LOCK_ATTEMPTS = 5;

/**
 * Brings a schema's tables up to date on one connection of their owner, outside a transaction, and lets the
 * application's role use them. Two runs on one schema take turns; the second finds nothing to do. With nothing to do it
 * costs five statements and writes nothing.
 *
 * @throws MigrationFailedError, MigrationLockedError, MigrationNotRecordedError, the signal's reason
 */
export function migrateTables(
  client: pg.ClientBase,
  tables: { readonly schema: string; readonly role: string },
  migrations: readonly Migration[],
  options: MigrateOptions = {},
): Promise<MigratedTables> {
  const { schema, role } = tables;
  const { lockTimeoutMs = LOCK_TIMEOUT_MS, attempts = LOCK_ATTEMPTS, signal, onRetry } = options;
  const names = orderedNames(migrations);
  return withSchemaLock(client, schema, signal, async ({ database }) => {
    const before = new Set(await recordedMigrations(client, schema));
    const pending = names.filter((name) => !before.has(name));
    if (pending.length > 0) {
      await runMigrations(client, migrations, { database, schema, lockTimeoutMs, attempts, signal, onRetry });
      assertRecorded(names, await recordedMigrations(client, schema));
    }
    await grantTenantTables(client, schema, role);
    return { version: names.at(-1) ?? NO_MIGRATION, applied: pending };
  });
}

/** What the schema says itself, not what was meant to run: a step that did not run is never reported as done. */
function assertRecorded(names: readonly string[], recorded: readonly string[]): void {
  const missing = names.filter((name) => !recorded.includes(name));
  if (missing.length > 0) throw new MigrationNotRecordedError(missing);
}
