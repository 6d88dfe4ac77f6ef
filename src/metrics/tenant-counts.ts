import type { DataSource } from 'typeorm';
import { withDeadline } from '../platform/timeout.js';
import { TenantEntity } from '../catalog/entities/tenant.entity.js';
import { TENANT_STATUSES, type TenantStatus } from '../catalog/model/tenant.js';

/** The catalog is queried at most once per interval, regardless of the number of scrapers. */
const CACHE_MS = 10_000;
/** Maximum time a scrape waits for the catalog. */
const DEADLINE_MS = 1_000;

/** Number of tenants per status, as last read from the catalog. */
export class TenantCounts {
  private lastCounts: ReadonlyMap<TenantStatus, number> = new Map();
  private failure: unknown;
  private queriedAt = -Infinity;
  private isQuerying = false;
  private loading: Promise<void> = Promise.resolve();

  constructor(
    private readonly catalog: DataSource,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Includes statuses without tenants; empty until the first successful query. */
  get counts(): ReadonlyMap<TenantStatus, number> {
    return this.lastCounts;
  }

  /** The error of the last query; undefined when it succeeded. */
  get lastFailure(): unknown {
    return this.failure;
  }

  /** Never rejects, and takes at most about a second. */
  async refresh(): Promise<void> {
    const now = this.now();
    // One query at a time, so that a hanging catalog does not use up all its connections.
    if (now - this.queriedAt >= CACHE_MS && !this.isQuerying) {
      this.queriedAt = now;
      this.loading = this.load();
    }
    await this.loading;
  }

  private async load(): Promise<void> {
    try {
      this.lastCounts = await withDeadline(this.count(), DEADLINE_MS);
      this.failure = undefined;
    } catch (error) {
      this.failure = error;
    }
  }

  private async count(): Promise<ReadonlyMap<TenantStatus, number>> {
    this.isQuerying = true;
    try {
      const rows = await this.catalog
        .getRepository(TenantEntity)
        .createQueryBuilder('tenant')
        .select(['tenant.status AS status', 'count(*)::int AS count'])
        .where('tenant.spareServerId IS NULL')
        .groupBy('tenant.status')
        .getRawMany<{ status: TenantStatus; count: number }>();
      const found = new Map(rows.map(({ status, count }) => [status, count]));
      return new Map(TENANT_STATUSES.map((status) => [status, found.get(status) ?? 0]));
    } finally {
      this.isQuerying = false;
    }
  }
}
