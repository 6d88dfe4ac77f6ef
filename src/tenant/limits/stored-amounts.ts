import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { Growth } from '../../database/sql-guard/growth.js';
import { setNewest } from '../../platform/bounded-map.js';
import { runWithoutContext } from '../../platform/run-without-context.js';
import { endsWithin } from '../../platform/timeout.js';
import { TenantStorageLimitError } from './limits.errors.js';

/** Limits of what a tenant may have stored. */
export interface StorageLimits {
  readonly maxStoredBytes?: number | undefined;
  readonly maxStoredRows?: number | undefined;
}

interface Amount {
  bytes: number;
  rows: number;
  readAt: number;
  /** When another measurement was last asked for. */
  wantedAt: number;
}

const READ = `
  SELECT tenant_id AS id, bytes::float8 AS bytes, rows::float8 AS rows FROM stored_sizes WHERE tenant_id = ANY ($1::uuid[])`;
/** A tenant that is measured again and again, because it is always at its limit, takes a twentieth of the time at most. */
const WANT = `
  UPDATE stored_sizes SET wanted_at = now()
  WHERE tenant_id = $1 AND wanted_at IS NULL AND measured_at < now() - greatest(interval '30 seconds', took_ms * interval '20 ms')`;

/** Tenants whose amounts are kept; that of an evicted one is read again. */
const MAX_TENANTS = 10_000;
const MAX_ASKED = 1_000;
/** How old an amount may be; a tenant that is refused waits for a new one. */
const FRESH_MS = 10_000;
const FRESH_WHEN_EXCEEDED_MS = 2_000;
const WANT_EVERY_MS = 2_000;
const RETRY_MS = 1_000;
const LOAD_MS = 250;

/** What tenants with a limit have stored, as it was last measured. Read only for tenants that work, and not before each statement. */
@Injectable()
export class StoredAmounts {
  /** Statements that were refused. */
  refused = 0;

  private readonly amounts = new Map<string, Amount>();
  private asked = new Set<string>();
  private reading: Promise<void> | undefined;
  private failedAt = -Infinity;

  constructor(@Inject(CATALOG) private readonly catalog: Pick<DataSource, 'query'>) {}

  /** Undefined without a limit. */
  growthOf(tenantId: string, { maxStoredBytes, maxStoredRows }: StorageLimits): Growth | undefined {
    if (maxStoredBytes === undefined && maxStoredRows === undefined) return undefined;
    const exceeded = (): 'bytes' | 'rows' | undefined => {
      const { bytes = 0, rows = 0 } = this.amounts.get(tenantId) ?? {};
      if (maxStoredBytes !== undefined && bytes >= maxStoredBytes) return 'bytes';
      return maxStoredRows !== undefined && rows >= maxStoredRows ? 'rows' : undefined;
    };
    return {
      isExceeded: () => {
        const isExceeded = exceeded() !== undefined;
        this.askFor(tenantId, isExceeded ? FRESH_WHEN_EXCEEDED_MS : FRESH_MS);
        return isExceeded;
      },
      refusal: () => {
        this.refused += 1;
        this.want(tenantId);
        return new TenantStorageLimitError(exceeded() ?? 'bytes');
      },
    };
  }

  /** Waits a moment for the amount of a tenant that is not known yet. Never rejects. */
  async load(tenantId: string): Promise<void> {
    if (this.amounts.has(tenantId)) return;
    this.askFor(tenantId, 0);
    if (this.reading) await endsWithin(this.reading, LOAD_MS); // without an answer, the tenant may add rows until there is one
  }

  private askFor(tenantId: string, freshMs: number): void {
    const now = performance.now();
    const amount = this.amounts.get(tenantId);
    if (amount && now - amount.readAt < freshMs) return;
    if (now - this.failedAt < RETRY_MS || this.asked.size >= MAX_ASKED) return;
    this.asked.add(tenantId);
    this.reading ??= runWithoutContext(() => this.read()).finally(() => (this.reading = undefined));
  }

  /** Never rejects: without the catalog the last amounts hold, and its own checks report that it is away. */
  private async read(): Promise<void> {
    while (this.asked.size > 0) {
      const ids = [...this.asked];
      this.asked = new Set();
      try {
        const rows = await this.catalog.query<{ id: string; bytes: number; rows: number }[]>(READ, [ids]);
        const found = new Map(rows.map((row) => [row.id, row]));
        for (const id of ids) this.keep(id, found.get(id));
      } catch {
        this.failedAt = performance.now();
        return;
      }
    }
  }

  private keep(id: string, { bytes, rows }: { bytes: number; rows: number } = { bytes: 0, rows: 0 }): void {
    const wantedAt = this.amounts.get(id)?.wantedAt ?? -Infinity;
    setNewest(this.amounts, id, { bytes, rows, readAt: performance.now(), wantedAt }, MAX_TENANTS);
  }

  /** The tenant may have made room since it was measured. */
  private want(tenantId: string): void {
    const amount = this.amounts.get(tenantId);
    const now = performance.now();
    if (!amount || now - amount.wantedAt < WANT_EVERY_MS) return;
    amount.wantedAt = now;
    void runWithoutContext(() => this.catalog.query(WANT, [tenantId])).catch(() => undefined); // the next refusal asks again
  }
}
