import { ASK_FOR_CITUS } from '../../citus/citus.js';
import type pg from 'pg';
import { ensureIsolationFunctions } from '../../isolation/isolation-functions.js';
import { LOCK_ATTEMPTS, LOCK_TIMEOUT_MS, type MigrateOptions } from '../execution/migrate-tables.js';
import { type Migration, migrationName, orderedNames } from '../versions/migration-names.js';
import { lateMigrations, missingFrom } from '../versions/migration-set.js';
import { runMigrations } from '../execution/run-migrations.js';
import { withScratchSchema } from './scratch-schema.js';

export interface MigrationPreview {
  readonly migration: string;
  /** In the order of execution. Parameters follow their statement as a comment. */
  readonly sql: readonly string[];
}

/** Runs of migrations, one after the other in the same tables. */
interface Rehearsal {
  /** What the tables have before the pending ones run; none in new tables. */
  readonly former: readonly Migration[];
  readonly lastPending: string | undefined;
}

/** TypeORM's own queries for existing tables, columns and the server version, which change nothing. */
const TYPEORM_CATALOG_QUERY =
  /^\s*(?:SELECT|WITH)\b.*(?:"?information_schema"?\.|\bpg_(?:class|type|namespace|constraint|attribute|index|database|catalog)\b|"(?:pg_\w+)"|current_schema\(\)|current_database\(\)|version\(\)|typeorm_metadata)/is;
const TRANSACTION_CONTROL = /^\s*(?:START TRANSACTION|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE SAVEPOINT)\b/i;

/**
 * Returns the SQL that the pending migrations would run, and proves that it works by running all migrations in a
 * scratch schema of this database, which is dropped afterwards. Where a pending one is older than a recorded one, they run
 * twice: in the order of new tables, and as in these, after the recorded ones. No live table is locked. The scratch tables have no rows,
 * and whatever a migration creates outside its schema (a role, an extension) is not undone.
 *
 * @param recorded the migrations that the tables have
 * @throws MigrationFailedError, MigrationLockedError, EntityTablesError, the signal's reason
 */
export async function previewMigrations(
  client: pg.ClientBase,
  recorded: readonly string[],
  migrations: readonly Migration[],
  {
    lockTimeoutMs = LOCK_TIMEOUT_MS,
    attempts = LOCK_ATTEMPTS,
    signal,
    onRetry,
    namingStrategy,
    expectedTables,
  }: MigrateOptions = {},
): Promise<readonly MigrationPreview[]> {
  const names = orderedNames(migrations);
  const pending = missingFrom(recorded, names);
  if (pending.length === 0) return [];
  const sql = new Map<string, string[]>(pending.map((name) => [name, []]));
  const rehearsals: Rehearsal[] = [{ former: [], lastPending: names.at(-1) }];
  if (lateMigrations(recorded, names).length > 0) {
    const former = migrations.filter((migration) => recorded.includes(migrationName(migration)));
    rehearsals.push({ former, lastPending: pending.at(-1) });
  }
  await withScratchSchema(client, signal, async ({ schema, database, during }) => {
    const onStatement = (migration: string, text: string, values: readonly unknown[] | undefined): void => {
      if (isChange(text)) sql.get(migration)?.push(previewText(text, values, schema));
    };
    // A migration that is retried starts over.
    const onStart = (migration: string): void => void sql.get(migration)?.splice(0);
    const given = { schema, lockTimeoutMs, attempts, signal, onRetry, namingStrategy, onStatement, onStart };
    const options = { ...given, database };
    await ensureIsolationFunctions(client); // the policies of new tables call them
    for (const { former, lastPending } of rehearsals) {
      await during(async () => {
        if (former.length > 0) await runMigrations(client, former, options);
        await runMigrations(client, migrations, { ...options, expectedTables, lastPending });
      });
    }
  });
  return pending.map((migration) => ({ migration, sql: sql.get(migration) ?? [] }));
}

function isChange(sql: string): boolean {
  return sql !== ASK_FOR_CITUS && !TYPEORM_CATALOG_QUERY.test(sql) && !TRANSACTION_CONTROL.test(sql);
}

/** Omits the scratch schema's name: in a tenant's own schema `search_path` decides. */
function previewText(sql: string, values: readonly unknown[] | undefined, schema: string): string {
  const text = sql.replaceAll(`"${schema}".`, '').replaceAll(`${schema}.`, '');
  return values === undefined || values.length === 0 ? text : `${text}\n-- ${parameterList(values)}`;
}

/** As JSON, in which a line break cannot end the comment. */
function parameterList(values: readonly unknown[]): string {
  const texts = values.map((value) =>
    JSON.stringify(value, (_key, part) => (typeof part === 'bigint' ? `${part}` : part)),
  );
  return texts.map((text, index) => `$${index + 1} = ${text}`).join(', ');
}
