import { Inject, Injectable } from '@nestjs/common';
import type pg from 'pg';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { OperationFailure } from '../../catalog/entities/operation.entity.js';
import { failureOf } from '../../platform/postgres/failure-of.js';
import { applyRows, type ReferenceVersion } from './apply-rows.js';
import { ReferenceTableMissingError } from './reference-rows.errors.js';

/** A set of tables: one schema of one connection target. */
export interface ReferencePlace {
  readonly targetId: string;
  readonly schema: string;
}

/** Parents come first: they were published before the tables that refer to them. */
const CURRENT = `
  SELECT v.table_name AS "table", v.version, v.rows::text AS rows FROM reference_versions v
  WHERE v.rows IS NOT NULL AND ($1::text IS NULL OR v.table_name = $1)
  ORDER BY (SELECT min(f.published_at) FROM reference_versions f WHERE f.table_name = v.table_name), v.table_name`;

const RECORD = `
  INSERT INTO reference_places AS p (table_name, target_id, schema_name, version, error) VALUES ($1, $2, $3, $4, $5::jsonb)
  ON CONFLICT (table_name, target_id, schema_name) DO UPDATE
  SET version = greatest(p.version, excluded.version), error = excluded.error, changed_at = now()`;

const BEHIND = `
  SELECT EXISTS (SELECT FROM reference_versions v WHERE v.rows IS NOT NULL AND NOT EXISTS (
    SELECT FROM reference_places p WHERE p.table_name = v.table_name AND p.target_id = $1 AND p.schema_name = $2
      AND p.version >= v.version)) AS behind`;

/** The newest published rows of reference tables, and their way into sets of tables. */
@Injectable()
export class ReferenceRows {
  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  /** The newest version of a table, or of all published ones. */
  current(table?: string): Promise<ReferenceVersion[]> {
    return this.catalog.query<ReferenceVersion[]>(CURRENT, [table ?? null]);
  }

  /**
   * Gives the tables of one place the newest rows, for tenants that are being created and tables that were just migrated.
   * What fails is recorded; a table that
   * migrations do not make, or not any more, is no failure.
   *
   * @param client connected as the owner of the tables
   * @throws the errors of `applyRows`
   */
  async bring(client: pg.ClientBase, place: ReferencePlace, signal?: AbortSignal): Promise<void> {
    for (const version of await this.current()) {
      try {
        const { version: applied } = await applyRows(client, place.schema, version, { signal });
        await this.record(place, version.table, applied);
      } catch (error) {
        await this.record(place, version.table, 0, failureOf(error));
        if (!(error instanceof ReferenceTableMissingError)) throw error;
      }
    }
  }

  /** The same for tables that no tenant uses: nothing is recorded. */
  async bringUncounted(client: pg.ClientBase, schema: string, signal?: AbortSignal): Promise<void> {
    for (const version of await this.current()) {
      try {
        await applyRows(client, schema, version, { signal });
      } catch (error) {
        if (!(error instanceof ReferenceTableMissingError)) throw error;
      }
    }
  }

  /** Whether a place lacks the newest version of a table, by what the catalog knows. */
  async isBehind({ targetId, schema }: ReferencePlace): Promise<boolean> {
    const [row] = await this.catalog.query<{ behind: boolean }[]>(BEHIND, [targetId, schema]);
    return row?.behind === true;
  }

  /** Records what a place has; a version of 0 leaves that as it is. */
  async record(
    { targetId, schema }: ReferencePlace,
    table: string,
    version: number,
    error: OperationFailure | null = null,
  ): Promise<void> {
    await this.catalog.query(RECORD, [table, targetId, schema, version, error && JSON.stringify(error)]);
  }
}
