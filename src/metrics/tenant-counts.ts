import type { DataSource } from 'typeorm';
import { withDeadline } from '../platform/timeout.js';
import { TenantEntity } from '../catalog/entities/tenant.entity.js';
import { TENANT_STATUSES, type TenantStatus } from '../catalog/model/tenant.js';

/** The catalog is asked once in so long, however many scrape. */
const CACHE_MS = 10_000;
/** Nobody waits longer than this for it. */
const DEADLINE_MS = 1_000;

/** How many tenants there are in each status, as the catalog last said. */
export class TenantCounts {
  private known: ReadonlyMap<TenantStatus, number> = new Map();
  private failure: unknown;
  private askedAt = -Infinity;
  private isAsking = false;
  private answered: Promise<void> = Promise.resolve();

  constructor(
    private readonly catalog: DataSource,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Every status, also those that no tenant is in; empty until the catalog has answered once. */
  get counts(): ReadonlyMap<TenantStatus, number> {
    return this.known;
  }

  /** Why the catalog did not answer when it was last asked; undefined when it did. */
  get lastFailure(): unknown {
    return this.failure;
  }

  /** Never rejects, and takes a second at most whatever the catalog does. */
  async refresh(): Promise<void> {
    const now = this.now();
    // One question at a time: a catalog that hangs must not be left with all its connections taken.
    if (now - this.askedAt >= CACHE_MS && !this.isAsking) {
      this.askedAt = now;
      this.answered = this.ask();
    }
    await this.answered;
  }

  private async ask(): Promise<void> {
    try {
      this.known = await withDeadline(this.count(), DEADLINE_MS);
      this.failure = undefined;
    } catch (error) {
      this.failure = error;
    }
  }

  private async count(): Promise<ReadonlyMap<TenantStatus, number>> {
    this.isAsking = true;
    try {
      const rows = await this.catalog
        .getRepository(TenantEntity)
        .createQueryBuilder('tenant')
        .select(['tenant.status AS status', 'count(*)::int AS count'])
        .groupBy('tenant.status')
        .getRawMany<{ status: TenantStatus; count: number }>();
      const found = new Map(rows.map(({ status, count }) => [status, count]));
      return new Map(TENANT_STATUSES.map((status) => [status, found.get(status) ?? 0]));
    } finally {
      this.isAsking = false;
    }
  }
}
