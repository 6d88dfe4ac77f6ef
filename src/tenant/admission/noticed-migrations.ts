import type { Tenant } from '../../catalog/model/tenant.js';
import { searchPathOf } from '../../database/statements/stamps/stamp.js';
import { statementRecords } from '../../database/statements/statement-records.js';

/** Places whose tables are known. A place that was forgotten, and met again after a migration, is not noticed as migrated. */
const MAX_PLACES = 10_000;

/**
 * Learns from tenants as the catalog has them that tables have been migrated, and has their statements prepared again: in a
 * transaction, one that was prepared before a column changed its type would fail with 0A000.
 */
export class NoticedMigrations {
  /** Target and schema -> the migrations that its tables were seen to have. */
  private readonly places = new Map<string, Set<string>>();

  /** Many tenants of one place report one migration, in any order: it counts once. */
  note({ targetId, schema, schemaVersion, migrationSet }: Tenant): void {
    if (targetId === null || schema === null) return;
    const place = JSON.stringify([targetId, schema]);
    const tables = JSON.stringify([schemaVersion, migrationSet]);
    const seen = this.places.get(place);
    if (!seen) return this.add(place, tables);
    if (seen.has(tables)) return;
    seen.add(tables);
    statementRecords.markMigrated(searchPathOf(schema));
  }

  private add(place: string, tables: string): void {
    this.places.set(place, new Set([tables]));
    for (const oldest of this.places.keys()) {
      if (this.places.size <= MAX_PLACES) return;
      this.places.delete(oldest);
    }
  }
}
