import { createHash } from 'node:crypto';
import { byTimestamp, type Migration, orderedNames } from './migration-names.js';
import type { TenantSchema } from '../tenant-schema/tenant-schema.js';

/** Names in a fixed order, so that equal sets have equal digests. */
export function sortedNames(names: Iterable<string>): string[] {
  return [...new Set(names)].toSorted((a, b) => (a < b ? -1 : 1));
}

/** Identifies a set of migrations by their names: 32 hexadecimal digits. */
export function digestOf(names: Iterable<string>): string {
  return createHash('sha256')
    .update(JSON.stringify(sortedNames(names)))
    .digest('hex')
    .slice(0, 32);
}

/** The names that `needed` has and `present` lacks, in the order of `needed`. */
export function missingFrom(present: Iterable<string>, needed: readonly string[]): string[] {
  const names = new Set(present);
  return needed.filter((name) => !names.has(name));
}

/** The newest of names in any order, by timestamp. */
export function newestOf(names: readonly string[]): string | undefined {
  return names.toSorted(byTimestamp).at(-1);
}

/** A migration that tables lack, and the newest that they have, which is newer: it was merged late, and runs after that one. */
export interface LateMigration {
  readonly migration: string;
  readonly after: string;
}

export function lateMigrations(present: readonly string[], needed: readonly string[]): LateMigration[] {
  const after = newestOf(present);
  if (after === undefined) return [];
  return missingFrom(present, needed)
    .filter((migration) => byTimestamp(migration, after) < 0)
    .map((migration) => ({ migration, after }));
}

/** For operators, once for each pair. */
export function describeLate(late: readonly LateMigration[]): string[] {
  const lines = late.map(
    ({ migration, after }) => `${migration} runs after ${after}, which is newer: check that it does not need the order`,
  );
  return [...new Set(lines)];
}

/** The migrations that tables must have for this code to work with them, in the order in which they run. */
export function requiredMigrations({
  migrations,
  requiredVersion,
  requiredMigrations: required,
}: Pick<TenantSchema, 'migrations' | 'requiredVersion' | 'requiredMigrations'>): readonly string[] {
  return required ?? migrationsUpTo(requiredVersion, migrations);
}

/** @param version the last one; undefined: all of them */
export function migrationsUpTo(version: string | undefined, migrations: readonly Migration[]): string[] {
  const names = orderedNames(migrations);
  if (version === undefined) return names;
  return names.filter((name) => byTimestamp(name, version) <= 0);
}
