import { isDeepStrictEqual } from 'node:util';
import type pg from 'pg';
import { COPIED } from '../../gates/gate-objects.js';
import type { CopyPlace } from '../copy-place.js';
import type { CopiedTable } from '../tables/copied-tables.js';
import { hasRanges, type RangeEnd, rangeColumns } from './key-ranges.js';

/** How much of a table is copied. */
interface CopiedPart {
  /** The key of the last copied row; null when all are copied. */
  readonly upTo: RangeEnd | null;
  readonly rows: number;
}

/**
 * How far a copy has come. It is recorded at the destination, in the transactions that write the rows, so that it is neither
 * ahead of them nor behind. The database there has `ensureGateObjects`.
 */
export class CopyPosition {
  private constructor(
    private readonly place: CopyPlace,
    private readonly tenantId: string,
    private readonly copyId: string,
    private readonly parts: Map<string, CopiedPart>,
  ) {}

  /** @param copyId tells this copy from others of the same tenant to the same place */
  static async read(place: CopyPlace, tenantId: string, copyId: string): Promise<CopyPosition> {
    const { rows } = await place.client.query<CopiedPart & { relation: string }>(
      `SELECT relation, up_to AS "upTo", rows::float8 AS rows FROM ${COPIED}
       WHERE tenant_id = $1 AND schema = $2 AND copy_id = $3`,
      [tenantId, place.schema, copyId],
    );
    const parts = new Map(rows.map(({ relation, upTo, rows: count }) => [relation, { upTo, rows: count }]));
    return new CopyPosition(place, tenantId, copyId, parts);
  }

  /** Whether nothing is copied. */
  get isStart(): boolean {
    return this.parts.size === 0;
  }

  get rows(): number {
    return [...this.parts.values()].reduce((sum, { rows }) => sum + rows, 0);
  }

  hasAll({ name }: CopiedTable): boolean {
    return this.parts.get(name)?.upTo === null;
  }

  /** The key of the last copied row; undefined when none is copied, or all are. */
  lastKey({ name }: CopiedTable): RangeEnd | undefined {
    return this.parts.get(name)?.upTo ?? undefined;
  }

  /** Whether the tables of the source have the keys with which it was recorded: they may have been migrated since. */
  fits(from: CopyPlace, tables: readonly CopiedTable[]): boolean {
    const byName = new Map(tables.map((table) => [table.name, table]));
    return [...this.parts].every(([name, { upTo }]) => {
      const table = byName.get(name);
      if (!table || upTo === null) return table !== undefined;
      const names = rangeColumns(table).map((column) => column.name);
      return hasRanges(from, table) && isDeepStrictEqual(names.toSorted(), Object.keys(upTo).toSorted());
    });
  }

  /** In the transaction that writes the rows, which commits or is the last one. @param rows how many more are copied */
  async advance({ name }: CopiedTable, { upTo, rows }: CopiedPart): Promise<void> {
    await this.query(
      `INSERT INTO ${COPIED} AS c (tenant_id, schema, relation, copy_id, up_to, rows) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (tenant_id, schema, relation) DO UPDATE SET up_to = excluded.up_to, rows = c.rows + excluded.rows`,
      [name, this.copyId, upTo === null ? null : JSON.stringify(upTo), rows],
    );
    this.parts.set(name, { upTo, rows: (this.parts.get(name)?.rows ?? 0) + rows });
  }

  /** Forgets what any copy has recorded: its rows are about to be removed. */
  async forget(): Promise<void> {
    await this.query(`DELETE FROM ${COPIED} WHERE tenant_id = $1 AND schema = $2`, []);
    this.parts.clear();
  }

  private query(text: string, values: readonly unknown[]): Promise<pg.QueryResult> {
    return this.place.client.query(text, [this.tenantId, this.place.schema, ...values]);
  }
}
