import { Injectable } from '@nestjs/common';
import { setTimeout as wait } from 'node:timers/promises';
import { measureTables, type StoredSize } from '../../database/sizes/measure-tables.js';
import { type StoredTable, storedTables } from '../../database/sizes/stored-tables.js';
import { failureOf } from '../../platform/postgres/failure-of.js';
import { TargetDatabases } from '../targets/target-databases.js';
import type { MeasuredPlace, Place, PlacedTenant } from './stored-size-records.js';

/** 128 MB of a table: what is larger is read as a sample of so much. */
const MAX_PAGES = 16_384;
/** Tables that are read by one statement have so many pages together. */
const PAGES_TOGETHER = 2_048;
/** Of an empty table, so that a statement has a hundred tables at most. */
const PAGES_PER_TABLE = 20;
const STATEMENT_MS = 10_000;
/** A round reads for a quarter of its time at most. */
const PAUSE_FACTOR = 3;
const MAX_PAUSE_MS = 30_000;
const QUERY_CANCELED = '57014';

export interface PlaceOptions {
  readonly signal: AbortSignal;
  /** Called before each statement. @throws to stop */
  readonly keep: () => Promise<void>;
}

/** Measures what tenants have stored, as the owner of their tables. Never more than one connection at a time. */
@Injectable()
export class SizeMeasurement {
  constructor(private readonly targets: TargetDatabases) {}

  /**
   * All tenants of a place, a few tables at a time, with pauses.
   *
   * @throws the errors of `AdminConnections.use` and of PostgreSQL, the signal's reason, what `keep` throws
   */
  async ofPlace({ targetId, schema }: Place, { signal, keep }: PlaceOptions): Promise<MeasuredPlace> {
    const target = await this.targets.find(targetId);
    const tables = await this.targets.use(target, (client) => storedTables(client, schema), { signal });
    const sizes = new Map<string, StoredSize>();
    for (const together of divided(tables)) {
      await keep();
      const startedAt = performance.now();
      const options = { maxPages: MAX_PAGES, timeoutMs: STATEMENT_MS };
      add(
        sizes,
        await this.targets.use(target, (client) => measureTables(client, schema, together, options), { signal }),
      );
      const pauseMs = Math.min(MAX_PAUSE_MS, PAUSE_FACTOR * (performance.now() - startedAt));
      await wait(pauseMs, undefined, { signal, ref: false });
    }
    return { sizes, isEstimated: isSampled(tables) };
  }

  /**
   * One tenant, at once. In shared tables by its index, so that none is read as a sample unless that takes too long.
   *
   * @throws the errors of `AdminConnections.use` and of PostgreSQL, the signal's reason
   */
  async ofTenant({ id, targetId, schema, isolation }: PlacedTenant, signal: AbortSignal): Promise<MeasuredPlace> {
    const target = await this.targets.find(targetId);
    return this.targets.use(
      target,
      async (client) => {
        const tables = await storedTables(client, schema);
        const sizes = new Map<string, StoredSize>();
        let isEstimated = isolation !== 'row' && isSampled(tables);
        for (const together of divided(tables)) {
          const measure = (maxPages: number): Promise<Map<string, StoredSize>> =>
            measureTables(client, schema, together, { maxPages, timeoutMs: STATEMENT_MS, tenantId: id });
          const measured = await measure(isolation === 'row' ? Infinity : MAX_PAGES).catch((error: unknown) => {
            if (failureOf(error).code !== QUERY_CANCELED || signal.aborted) throw error;
            isEstimated = true;
            return measure(MAX_PAGES);
          });
          add(sizes, measured);
        }
        return { sizes, isEstimated };
      },
      { signal },
    );
  }
}

function isSampled(tables: readonly StoredTable[]): boolean {
  return tables.some(({ pages }) => pages > MAX_PAGES);
}

/** Small tables are read together, because a schema may have a hundred. */
function divided(tables: readonly StoredTable[]): StoredTable[][] {
  const parts: StoredTable[][] = [];
  let pages = Infinity;
  for (const table of tables) {
    pages += table.pages + PAGES_PER_TABLE;
    if (pages > PAGES_TOGETHER) {
      parts.push([]);
      pages = table.pages + PAGES_PER_TABLE;
    }
    parts.at(-1)!.push(table);
  }
  return parts;
}

function add(sum: Map<string, StoredSize>, sizes: ReadonlyMap<string, StoredSize>): void {
  for (const [id, { rows, bytes }] of sizes) {
    const known = sum.get(id);
    sum.set(id, { rows: rows + (known?.rows ?? 0), bytes: bytes + (known?.bytes ?? 0) });
  }
}
