import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { TenantSelection } from '../../catalog/model/operator.js';
import { encodeCursor, type Page } from '../../http/input/page.js';
import { inReach, reachParameters } from '../../tenant/operators/tenant-reach.js';
import type { RecentTotals } from '../../tenant/usage/recent-usage.js';
import { addRequestTimes, noRequestTimes, requestTimeWithin } from '../../tenant/usage/request-times.js';
import { addUsage, noUsage } from '../../tenant/usage/usage-figures.js';
import type { CurrentUsageView, UsageFilter, UsageTotalsFilter, UsageTotalsView, UsageView } from './usage.schemas.js';

type Row = Omit<UsageView, 'at'> & { readonly at: Date };

const SUMS = `sum(requests)::float8 AS requests, sum(runs)::float8 AS runs, sum(errors)::float8 AS errors,
  sum(duration_ms) AS "durationMs", sum(statements)::float8 AS statements, sum(wait_ms) AS "waitMs",
  sum(database_ms) AS "databaseMs", sum(rows_read)::float8 AS "rowsRead", sum(rows_written)::float8 AS "rowsWritten"`;

/** The last one that was measured in a period. */
const STORED = '(array_agg(stored_bytes ORDER BY hour DESC) FILTER (WHERE stored_bytes IS NOT NULL))[1]::float8';

const LIST = `
  SELECT date_trunc($1, h.hour, 'UTC') AS at, h.tenant_id AS "tenantId", t.slug AS tenant, ${SUMS}, ${STORED} AS "storedBytes"
  FROM usage_hours h LEFT JOIN tenants t ON t.id = h.tenant_id
  WHERE h.hour >= $2 AND ($3::timestamptz IS NULL OR h.hour < $3) AND ($4::text IS NULL OR t.slug = $4 OR h.tenant_id::text = $4)
    AND ($5::timestamptz IS NULL OR (date_trunc($1, h.hour, 'UTC'), h.tenant_id) > ($5, $6::uuid)) AND ${inReach('t', 8)}
  GROUP BY 1, 2, 3 ORDER BY 1, 2 LIMIT $7`;

/** What an instance wrote more than a minute ago is no longer now. */
const NOW = `
  SELECT r.tenant_id AS "tenantId", t.slug AS tenant, ${SUMS}
  FROM usage_writers w, jsonb_to_recordset(w.recent) AS j ("tenantId" uuid, requests bigint, runs bigint, errors bigint,
      "durationMs" float8, statements bigint, "waitMs" float8, "databaseMs" float8, "rowsRead" bigint, "rowsWritten" bigint),
    LATERAL (SELECT j."tenantId", j."durationMs", j."waitMs", j."databaseMs", j."rowsRead", j."rowsWritten")
      AS r (tenant_id, duration_ms, wait_ms, database_ms, rows_read, rows_written)
    LEFT JOIN tenants t ON t.id = r.tenant_id
  WHERE w.written_at > now() - interval '1 minute' AND ${inReach('t', 1)}
  GROUP BY 1, 2 ORDER BY "durationMs" DESC, 1 LIMIT 100`;

/** In an hour, few tenants have a new measurement: their sum would be of them alone. */
const TOTALS = `
  WITH per_tenant AS (
    SELECT date_trunc($1, h.hour, 'UTC') AS at, h.tenant_id, ${STORED} AS stored, sum(requests) AS requests, sum(runs) AS runs,
           sum(errors) AS errors, sum(duration_ms) AS duration_ms, sum(statements) AS statements, sum(wait_ms) AS wait_ms,
           sum(database_ms) AS database_ms, sum(rows_read) AS rows_read, sum(rows_written) AS rows_written
    FROM usage_hours h LEFT JOIN tenants t ON t.id = h.tenant_id
    WHERE h.hour >= $2 AND ($3::timestamptz IS NULL OR h.hour < $3) AND ${inReach('t', 4)}
    GROUP BY 1, 2
  )
  SELECT at, ${SUMS}, CASE WHEN $1 <> 'hour' THEN sum(stored) END AS "storedBytes" FROM per_tenant GROUP BY 1 ORDER BY 1`;

/** Instances of former releases write none. */
const LAST_MINUTE = `
  SELECT totals FROM usage_writers WHERE written_at > now() - interval '1 minute' AND totals IS NOT NULL`;

/** A batch arrives within seconds; what comes later than this is added to the next hour. */
const CLOSE = `
  UPDATE usage_closing SET closed_until = date_trunc('hour', now() - interval '2 minutes', 'UTC')
  WHERE closed_until < date_trunc('hour', now() - interval '2 minutes', 'UTC')`;

const FINISHED = `
  SELECT h.hour AS at, h.tenant_id AS "tenantId", t.slug AS tenant, ${SUMS}, ${STORED} AS "storedBytes"
  FROM usage_hours h LEFT JOIN tenants t ON t.id = h.tenant_id
  WHERE h.hour < (SELECT closed_until FROM usage_closing) AND (h.hour, h.tenant_id) > ($1, $2::uuid) AND ${inReach('t', 4)}
  GROUP BY 1, 2, 3 ORDER BY 1, 2 LIMIT $3`;

/** The last hour that was received, and its tenant. */
export interface FinishedPosition {
  readonly at: Date;
  readonly tenantId: string;
}

/** Reads what tenants have used. */
@Injectable()
export class UsageRecords {
  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  /** Oldest first. @param limitedTo the tenants that the caller may see; undefined: all, also those that were deleted */
  async list(
    { by, from, to, tenant, cursor, limit }: UsageFilter,
    limitedTo?: TenantSelection,
  ): Promise<Page<UsageView>> {
    const values = [by, from, to, tenant, cursor?.createdAt, cursor?.id, limit + 1, ...reachParameters(limitedTo)];
    const rows = await this.catalog.query<Row[]>(LIST, values);
    const shown = rows.slice(0, limit);
    const last = rows.length > limit ? shown.at(-1) : undefined;
    return {
      items: shown.map(toView),
      nextCursor: last ? encodeCursor({ createdAt: last.at, id: last.tenantId }) : null,
    };
  }

  /** The sums of all instances' last minutes, of the tenants that are the busiest on any of them. */
  async now(limitedTo?: TenantSelection): Promise<CurrentUsageView> {
    const [items, totals] = await Promise.all([
      this.catalog.query<CurrentUsageView['items']>(NOW, [...reachParameters(limitedTo)]),
      limitedTo ? null : this.lastMinute(),
    ]);
    return { items, totals };
  }

  /** The sums of all tenants, oldest first. @param limitedTo as above */
  async totals({ by, from, to }: UsageTotalsFilter, limitedTo?: TenantSelection): Promise<UsageTotalsView> {
    const rows = await this.catalog.query<Omit<Row, 'tenantId' | 'tenant'>[]>(TOTALS, [
      ...[by, from, to],
      ...reachParameters(limitedTo),
    ]);
    return { items: rows.map(({ at, ...figures }) => ({ at: at.toISOString(), ...figures })) };
  }

  private async lastMinute(): Promise<NonNullable<CurrentUsageView['totals']>> {
    const rows = await this.catalog.query<{ totals: RecentTotals }[]>(LAST_MINUTE);
    const sum = noUsage();
    const times = noRequestTimes();
    for (const { totals } of rows) {
      addUsage(sum, totals);
      addRequestTimes(times, totals.times);
    }
    return { ...sum, p95Ms: requestTimeWithin(times, 0.95) };
  }

  /** Hours that no batch changes any more, oldest first, after a position. */
  async finished(after: FinishedPosition, limit: number, limitedTo?: TenantSelection): Promise<UsageView[]> {
    await this.catalog.query(CLOSE);
    const values = [after.at, after.tenantId, limit, ...reachParameters(limitedTo)];
    return (await this.catalog.query<Row[]>(FINISHED, values)).map(toView);
  }
}

function toView({ at, ...figures }: Row): UsageView {
  return { at: at.toISOString(), ...figures };
}
