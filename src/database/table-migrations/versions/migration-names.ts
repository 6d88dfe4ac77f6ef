import type { MigrationInterface } from 'typeorm';

export type Migration = new () => MigrationInterface;

/** TypeORM's name of a migration: its `name`, or else its class's name. */
export function migrationName(migration: Migration): string {
  return new migration().name ?? migration.name;
}

/** The 13 digits at the end of a name, by which TypeORM orders migrations; NaN without them. */
export function timestampOf(name: string): number {
  return /\d{13}$/.test(name) ? Number(name.slice(-13)) : NaN;
}

/** The same; 0 without them, so that such a name comes first. */
export function timestampOrZero(name: string): number {
  return timestampOf(name) || 0;
}

/** The migrations' names in the order in which they run. */
export function orderedNames(migrations: readonly Migration[]): string[] {
  return migrations.map(migrationName).toSorted(byTimestamp);
}

/** Compares two names; one without a timestamp comes first. */
export function byTimestamp(a: string, b: string): number {
  return timestampOrZero(a) - timestampOrZero(b);
}

/** The newest migration's name, which is the version of a schema that has them all; `none` for an empty list. */
export function newestMigration(migrations: readonly Migration[]): string {
  return orderedNames(migrations).at(-1) ?? NO_MIGRATION;
}

/** The version of a schema without migrations. */
export const NO_MIGRATION = 'none';
