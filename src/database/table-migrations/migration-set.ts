import { createHash } from 'node:crypto';
import { byTimestamp, type Migration, orderedNames } from './migration-names.js';
import type { TenantSchema } from './tenant-schema.js';

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
