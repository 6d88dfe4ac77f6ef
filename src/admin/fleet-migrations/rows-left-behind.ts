import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { isGateClosed } from '../../database/gates/closed-gate.js';
import { MigrationFailedError } from '../../database/table-migrations/execution/migration.errors.js';
import { RowsLeftBehindError } from './fleet-migration.errors.js';
import type { MigrationUnit } from './migration-units.js';

/** Tenants whose moves or restores are not finished, and that have rows in the tables without being served there. */
const LEFT = `
  SELECT t.slug FROM moves m JOIN tenants t ON t.id = m.tenant_id
  WHERE (m.from_target_id, m.from_schema) = ($1, $2) OR (m.to_target_id, m.to_schema) = ($1, $2)
  GROUP BY t.slug HAVING NOT bool_or((t.target_id, t.schema_name) = ($1, $2)) ORDER BY t.slug`;

/** Explains migrations that fail at the gate of a tenant that has left the tables. */
@Injectable()
export class RowsLeftBehind {
  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  /** @returns the error itself when it has another reason */
  async explain(error: unknown, { targetId, schema }: Pick<MigrationUnit, 'targetId' | 'schema'>): Promise<unknown> {
    if (!(error instanceof MigrationFailedError) || !isGateClosed(error.cause)) return error;
    const left = await this.catalog.query<{ slug: string }[]>(LEFT, [targetId, schema]);
    return new RowsLeftBehindError(
      error.migration,
      left.map(({ slug }) => slug),
      error,
    );
  }
}
