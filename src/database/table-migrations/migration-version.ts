import { type Migration, newestMigration } from './migration-names.js';

/**
 * Whether tables whose newest migration is `recorded` lack what code brings that needs the migration `needed`. Tables
 * that nothing is recorded of lack everything.
 */
export function isBehind(recorded: string | null, needed: string): boolean {
  return timestampOrZero(recorded ?? '') < timestampOrZero(needed);
}

/** The timestamp of the newest migration that code brings; 0 when it brings none. */
export function codeVersion(migrations: readonly Migration[]): number {
  return timestampOrZero(newestMigration(migrations));
}

/** TypeORM orders migrations by the 13 digits at the end of their names; what has none comes before all of them. */
function timestampOrZero(name: string): number {
  const digits = name.slice(-13);
  return /^\d{13}$/.test(digits) ? Number(digits) : 0;
}
