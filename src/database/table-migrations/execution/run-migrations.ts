import type pg from 'pg';
import type { MigrationInterface, NamingStrategyInterface } from 'typeorm';
import { closeDefinerFunctions } from '../rights/definer-functions.js';
import { assertEntityTables, EntityTablesError } from '../comparison/compare-entity-tables.js';
import type { ExpectedTable } from '../comparison/expected-tables.js';
import { driverError } from '../../../platform/postgres/driver-error.js';
import { lockFailure, LockRetry, type LockRetryOptions } from '../locks/lock-retry.js';
import { MigrationClient } from './migration-client.js';
import { migrationDataSource } from './migration-data-source.js';
import { MigrationFailedError, MigrationLockedError, OpenTransactionError } from './migration.errors.js';
import { type Migration, migrationName } from '../versions/migration-names.js';
import { rollbackOpenTransaction } from '../locks/schema-lock.js';

export interface RunOptions extends LockRetryOptions {
  readonly database: string;
  readonly schema: string;
  /** How long a statement may wait for a lock, blocking the queries queued behind it, in ms. */
  readonly lockTimeoutMs: number;
  /** `TenantSchema.trustedFunctions`; none unless given. */
  readonly trustedFunctions?: readonly string[];
  /** TypeORM's own unless given. */
  readonly namingStrategy?: NamingStrategyInterface | undefined;
  /** What the tables must be like after the last of these migrations, in whose transaction they are compared. */
  readonly expectedTables?: readonly ExpectedTable[] | undefined;
  /** Name of the last migration that is not recorded yet. */
  readonly lastPending?: string | undefined;
  /** Called when a migration starts, and again for each retry. */
  readonly onStart?: (migration: string) => void;
  /** Called with every statement that a migration sends, and with TypeORM's own queries on its behalf. */
  readonly onStatement?: (migration: string, sql: string, values: readonly unknown[] | undefined) => void;
}

/**
 * Runs the migrations that are not recorded yet, as TypeORM does: each in a transaction of its own, unless it opts out. One
 * that does not get its locks is rolled back and retried. The caller must hold the schema's lock.
 *
 * @returns whether the tables were compared with `expectedTables`; not when the last migration opts out of a transaction
 * @throws MigrationFailedError, MigrationLockedError, EntityTablesError, the signal's reason
 */
export async function runMigrations(
  client: pg.ClientBase,
  migrations: readonly Migration[],
  options: RunOptions,
): Promise<boolean> {
  const run = new MigrationRun(client, migrations, options);
  await new LockRetry(options)
    .run(
      () => run.attempt(),
      () => !run.isOutsideTransaction,
    )
    .catch((error: unknown) => {
      options.signal?.throwIfAborted();
      throw run.toMigrationError(error);
    });
  return run.hasComparedTables;
}

class MigrationRun {
  /** The migration in progress, until it is recorded. */
  private currentMigration: string | undefined;
  /** Whether the migration's own statements are running, as opposed to those that record it. */
  private isRunningUp = false;
  /** Whether the current migration runs without a transaction: its effects cannot be rolled back. */
  isOutsideTransaction = false;
  hasComparedTables = false;
  /** The one that runs last. */
  private readonly last: string | undefined;

  constructor(
    private readonly client: pg.ClientBase,
    private readonly migrations: readonly Migration[],
    private readonly options: RunOptions,
  ) {
    this.last = options.lastPending;
  }

  async attempt(): Promise<void> {
    this.currentMigration = undefined;
    this.isOutsideTransaction = false;
    const { schema, lockTimeoutMs } = this.options;
    await this.client.query(
      `SELECT set_config('search_path', quote_ident($1), false), set_config('lock_timeout', $2, false)`,
      [schema, String(lockTimeoutMs)],
    );
    const client = new MigrationClient(this.client, new LockRetry(this.options), (sql, values) => {
      if (this.isRunningUp && this.currentMigration !== undefined)
        this.options.onStatement?.(this.currentMigration, sql, values);
    });
    const dataSource = migrationDataSource(
      client,
      this.options,
      this.migrations.map((migration) => this.observed(migration)),
    );
    try {
      await dataSource.runMigrations({ transaction: 'each' });
    } catch (error) {
      // The original error matters: if the rollback fails, too, the connection is gone, and the transaction with it.
      await rollbackOpenTransaction(this.client).catch(() => undefined);
      throw error;
    }
    // Never committed, so neither applied nor recorded, although it looks so inside the transaction.
    if (await rollbackOpenTransaction(this.client)) throw new OpenTransactionError();
  }

  toMigrationError(error: unknown): Error {
    if (error instanceof EntityTablesError) return error;
    const cause = driverError(error);
    const locked = lockFailure(error);
    return locked
      ? new MigrationLockedError(this.currentMigration, locked.code ?? '', cause)
      : new MigrationFailedError(this.currentMigration, cause);
  }

  /** Instantiates the migration, as TypeORM does for each attempt, and tracks when it runs. */
  private observed(migration: Migration): MigrationInterface {
    const instance = new migration();
    const name = migrationName(migration);
    return {
      name,
      ...(instance.transaction !== undefined && { transaction: instance.transaction }),
      up: async (runner) => {
        this.currentMigration = name;
        this.isOutsideTransaction = !runner.isTransactionActive;
        this.isRunningUp = true;
        this.options.onStart?.(name);
        try {
          await instance.up(runner);
        } finally {
          this.isRunningUp = false;
        }
        const { schema, trustedFunctions = [], expectedTables } = this.options;
        const query = (text: string, values?: unknown[]): Promise<unknown> => runner.query(text, values);
        await closeDefinerFunctions(query, schema, trustedFunctions);
        if (!expectedTables || name !== this.last || this.isOutsideTransaction) return;
        await assertEntityTables(query, schema, expectedTables);
        this.hasComparedTables = true;
      },
      down: (runner) => instance.down(runner),
    };
  }
}
