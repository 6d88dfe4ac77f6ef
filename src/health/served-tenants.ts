import { Inject, Injectable, Optional } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../catalog/catalog-data-source.js';
import { isUnservedSql, unservedValues } from '../catalog/tenant-tables/migration-set-sql.js';
import { requiredMigrations } from '../database/table-migrations/versions/migration-set.js';
import { TENANT_SCHEMA, type TenantSchema } from '../database/table-migrations/tenant-schema/tenant-schema.js';
import { withDeadline } from '../platform/timeout.js';

/** How long a result is reused: briefly while some tenants are behind, because a migration changes that. */
const RESULT_TTL_MS = 10_000;
const BEHIND_TTL_MS = 2_000;
const TIMEOUT_MS = 1_000;

export interface TenantCounts {
  readonly active: number;
  /** Active tenants whose tables lack a migration that this code requires. */
  readonly behind: number;
}

/** One index has all that is read, and distinguishes the few sets that there are. */
const COUNTS = `
  SELECT count(*)::int AS active, (count(*) FILTER (WHERE ${isUnservedSql('$1', '$2')}))::int AS behind
  FROM tenants t WHERE t.status = 'active'`;

/** How many of the tenants that the catalog calls active can be served by this instance's code. */
@Injectable()
export class ServedTenants {
  private readonly required: readonly string[];
  private last: { readonly at: number; readonly counts: TenantCounts } | undefined;
  private running: Promise<TenantCounts> | undefined;

  constructor(
    @Inject(CATALOG) private readonly catalog: Pick<DataSource, 'query'>,
    @Inject(TENANT_SCHEMA) schema: TenantSchema,
    @Optional() private readonly now: () => number = () => performance.now(),
  ) {
    this.required = requiredMigrations(schema);
  }

  /** The counts of at most ten seconds ago; older ones while the catalog does not answer; undefined before it ever did. */
  async counts(): Promise<TenantCounts | undefined> {
    const { last } = this;
    if (last && this.now() - last.at < (last.counts.behind > 0 ? BEHIND_TTL_MS : RESULT_TTL_MS)) return last.counts;
    try {
      return await withDeadline((this.running ??= this.read()), TIMEOUT_MS);
    } catch {
      return last?.counts; // the catalog's own indicator reports it
    }
  }

  private async read(): Promise<TenantCounts> {
    try {
      const [counts] = await this.catalog.query<[TenantCounts]>(COUNTS, unservedValues(this.required));
      this.last = { at: this.now(), counts };
      return counts;
    } finally {
      this.running = undefined;
    }
  }
}
