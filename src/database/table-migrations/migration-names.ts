import type { MigrationInterface } from 'typeorm';

export type Migration = new () => MigrationInterface;

/** TypeORM's name of a migration: the one that it gives itself, or its class's. */
export function migrationName(migration: Migration): string {
  return new migration().name ?? migration.name;
}

/** TypeORM orders migrations by the 13 digits at the end of their names; NaN without them. */
export function timestampOf(name: string): number {
  return /\d{13}$/.test(name) ? Number(name.slice(-13)) : NaN;
}

/** Their names in the order in which they run. */
export function orderedNames(migrations: readonly Migration[]): string[] {
  return migrations.map(migrationName).toSorted((a, b) => timestampOf(a) - timestampOf(b));
}

/** The name that a schema with all of them is recorded with. */
export function newestMigration(migrations: readonly Migration[]): string {
  return orderedNames(migrations).at(-1) ?? NO_MIGRATION;
}

/** What stands for the newest migration where there is none. */
export const NO_MIGRATION = 'none';
