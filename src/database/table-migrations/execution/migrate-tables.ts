import type pg from 'pg';
import type { NamingStrategyInterface } from 'typeorm';
import { ensureIsolationFunctions } from '../../isolation/isolation-functions.js';
import { IndexWarnings } from './index-warnings.js';
import { MigrationNotRecordedError } from './migration.errors.js';
import { assertEntityTables } from '../comparison/compare-entity-tables.js';
import type { ExpectedTable } from '../comparison/expected-tables.js';
import { type Migration, NO_MIGRATION, orderedNames } from '../versions/migration-names.js';
import { missingFrom } from '../versions/migration-set.js';
import { recordedMigrations } from '../versions/recorded-migrations.js';
import { replaceFormerPolicies } from './replace-former-policies.js';
import { runMigrations } from './run-migrations.js';
import { withSchemaLock } from '../locks/schema-lock.js';
import { grantTenantTables } from '../rights/tenant-grants.js';

export interface MigrateOptions {
  /** How long a migration may wait for a lock, blocking the queries queued behind it, before it backs off. Default: 2,000 ms. */
  readonly lockTimeoutMs?: number;
  /** Attempts in total for a migration that backs off. Default: 5. */
  readonly attempts?: number;
  /** Ends waits and pauses. To cancel a running statement, too, pass the same signal to the connection's provider. */
  readonly signal?: AbortSignal;
  /** `TenantSchema.trustedFunctions`; none unless given. */
  readonly trustedFunctions?: readonly string[];
  /** `TypeormOptions.namingStrategy`; TypeORM's own unless given. */
  readonly namingStrategy?: NamingStrategyInterface | undefined;
  /** What the entities map; tables that differ fail the last migration. Nothing is compared unless given. */
  readonly expectedTables?: readonly ExpectedTable[];
  /** Called each time a migration backs off, with the number of the attempt, counted from 1. */
  readonly onRetry?: (attempt: number, error: Error) => void;
}

export interface MigratedTables {
  /** The newest migration of the list, as recorded in the schema; `none` when the list is empty. */
  readonly version: string;
  /** All migrations that the schema records, in the order in which they ran; also such as are not in the list. */
  readonly recorded: readonly string[];
  /** The migrations that this run applied, in order; empty when there were none pending. */
  readonly applied: readonly string[];
}

export const LOCK_TIMEOUT_MS = 2_000;
export const LOCK_ATTEMPTS = 5;

/**
 * Brings a schema's tables and their policies up to date on a connection of their owner, outside a transaction, and
 * grants the application's role access to them. Concurrent runs on one schema take turns, and the later ones find
 * nothing to do. A run without pending migrations costs seven statements and writes nothing.
 *
 * @throws MigrationFailedError, MigrationLockedError, MigrationNotRecordedError, EntityTablesError, the signal's reason
 */
export function migrateTables(
  client: pg.ClientBase,
  tables: { readonly schema: string; readonly role: string },
  migrations: readonly Migration[],
  options: MigrateOptions = {},
): Promise<MigratedTables> {
  const { schema, role } = tables;
  const { lockTimeoutMs = LOCK_TIMEOUT_MS, attempts = LOCK_ATTEMPTS, signal, onRetry } = options;
  const { trustedFunctions = [], namingStrategy, expectedTables } = options;
  const names = orderedNames(migrations);
  return withSchemaLock(client, schema, signal, async ({ database }) => {
    await ensureIsolationFunctions(client);
    await replaceFormerPolicies(client, schema, { lockTimeoutMs, attempts, signal, onRetry });
    let recorded = await recordedMigrations(client, schema);
    const pending = missingFrom(recorded, names);
    let hasComparedTables = false;
    if (pending.length > 0) {
      const indexWarnings = await IndexWarnings.before(client, schema, pending);
      hasComparedTables = await runMigrations(client, migrations, {
        database,
        schema,
        lockTimeoutMs,
        attempts,
        signal,
        onRetry,
        trustedFunctions,
        namingStrategy,
        expectedTables,
        lastPending: pending.at(-1),
      });
      recorded = await recordedMigrations(client, schema);
      assertRecorded(names, recorded);
      await indexWarnings.log();
    }
    await grantTenantTables(client, schema, role, trustedFunctions);
    if (expectedTables && !hasComparedTables) {
      const query = async (text: string, values: unknown[]) => (await client.query(text, values)).rows;
      await assertEntityTables(query, schema, expectedTables, role);
    }
    return { version: names.at(-1) ?? NO_MIGRATION, recorded, applied: pending };
  });
}

/** Trusts the schema's own record instead of the plan, so that a migration that did not run is never reported as applied. */
function assertRecorded(names: readonly string[], recorded: readonly string[]): void {
  const missing = missingFrom(recorded, names);
  if (missing.length > 0) throw new MigrationNotRecordedError(missing);
}
