import { type Migration, newestMigration } from './migration-names.js';

/**
 * Whether tables whose newest migration is `recorded` are too old for code that needs the migration `needed`. Tables
 * without a recorded migration are behind any.
 */
export function isBehind(recorded: string | null, needed: string): boolean {
  return timestampOrZero(recorded ?? '') < timestampOrZero(needed);
}

/** The timestamp of the newest of the code's migrations; 0 when there are none. */
export function codeVersion(migrations: readonly Migration[]): number {
  return timestampOrZero(newestMigration(migrations));
}

/** TypeORM orders migrations by the 13 digits at the end of their names; a name without them comes first. */
function timestampOrZero(name: string): number {
  const digits = name.slice(-13);
  return /^\d{13}$/.test(digits) ? Number(digits) : 0;
}
