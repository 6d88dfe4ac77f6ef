import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import type { RecentTotals, RecentUsage } from './recent-usage.js';
import type { UsageByTenant } from './usage-counter.js';
import { USAGE_FIELDS, type UsageFigures } from './usage-figures.js';

/** Figures that are added to the catalog together, once. */
export interface UsageBatch {
  /** Ascending per writer: what tells the catalog that it has the batch already. */
  readonly number: number;
  readonly figures: readonly (readonly [tenantId: string, figures: Readonly<UsageFigures>])[];
  /** The end of the time in which it was counted, in ms of `performance.now()`. */
  readonly endedAt: number;
}

/** Rows of one statement. */
const MAX_ROWS = 1_000;

/** The catalog's columns of `USAGE_FIELDS`. */
export const USAGE_COLUMNS = USAGE_FIELDS.map((field) =>
  field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
);
const TYPES = USAGE_FIELDS.map((field) => (field.endsWith('Ms') ? 'float8' : 'bigint'));
const FIRST = 7;

/**
 * A batch that the catalog has already adds nothing. That is decided under the lock of the writer's row, so also while its
 * first sending, whose connection was lost, is still being executed. The order of rows keeps two writers from waiting for each
 * other. What belongs to a closed hour is added to the first open one; the share lock keeps that hour open until the end.
 */
const WRITE = `
  WITH open AS (SELECT closed_until FROM usage_closing FOR SHARE),
  batch AS (
    INSERT INTO usage_writers AS w (id, batch, written_at, recent, totals) VALUES ($1, $2, now(), $4, $6)
    ON CONFLICT (id) DO UPDATE SET batch = EXCLUDED.batch, written_at = EXCLUDED.written_at, recent = EXCLUDED.recent,
      totals = EXCLUDED.totals
    WHERE w.batch < EXCLUDED.batch RETURNING w.id
  )
  INSERT INTO usage_hours AS h (tenant_id, hour, ${USAGE_COLUMNS.join(', ')})
  SELECT u.tenant_id, greatest(date_trunc('hour', now() - $3 * interval '1 ms', 'UTC'), open.closed_until),
         ${USAGE_COLUMNS.map((column) => `u.${column}`).join(', ')}
  FROM batch, open, unnest($5::uuid[], ${TYPES.map((type, index) => `$${FIRST + index}::${type}[]`).join(', ')})
    AS u (tenant_id, ${USAGE_COLUMNS.join(', ')})
  ORDER BY u.tenant_id
  ON CONFLICT (hour, tenant_id) DO UPDATE SET ${USAGE_COLUMNS.map((column) => `${column} = h.${column} + EXCLUDED.${column}`).join(', ')}`;

/** The batches of one process, and how they are written. */
export class UsageBatches {
  private readonly writerId = randomUUID();
  private last = 0;

  constructor(private readonly catalog: Pick<DataSource, 'query'>) {}

  /** Divides what was counted into batches. */
  divide(counted: UsageByTenant, endedAt: number): UsageBatch[] {
    const figures = [...counted];
    const batches: UsageBatch[] = [];
    for (let start = 0; start < figures.length; start += MAX_ROWS) {
      batches.push({ number: ++this.last, figures: figures.slice(start, start + MAX_ROWS), endedAt });
    }
    return batches;
  }

  /** Adds a batch to the catalog, unless it was added before. Batches are written in the order of their numbers. */
  async write(
    { number, figures, endedAt }: UsageBatch,
    recent: readonly RecentUsage[],
    totals: RecentTotals,
  ): Promise<void> {
    const ageMs = Math.max(0, performance.now() - endedAt);
    const columns = USAGE_FIELDS.map((field) => figures.map(([, each]) => each[field]));
    const ids = figures.map(([tenantId]) => tenantId);
    const values = [this.writerId, number, ageMs, JSON.stringify(recent), ids, JSON.stringify(totals), ...columns];
    await this.catalog.query(WRITE, values);
  }
}
