import { POLICY_VERSION } from '../../isolation/tenant-policies.js';
import { type Migration, newestMigration, timestampOrZero } from './migration-names.js';

/**
 * Whether tables whose newest migration is `recorded` are too old for code that needs the migration `needed`. Tables
 * without a recorded migration are behind any.
 */
export function isBehind(recorded: string | null, needed: string): boolean {
  return timestampOrZero(recorded ?? '') < timestampOrZero(needed);
}

/** The version of code with these migrations. @see codeVersionFor */
export function codeVersion(migrations: readonly Migration[]): number {
  return codeVersionFor(newestMigration(migrations));
}

/**
 * The version that code must have to make tables up to the migration `newest`: its timestamp (0 without one), plus the
 * version of the policies. An instance of a former release may have the same migrations, but gives tables other policies.
 */
export function codeVersionFor(newest: string): number {
  return timestampOrZero(newest) + POLICY_VERSION;
}
