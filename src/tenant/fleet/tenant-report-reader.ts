import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { type Actor, TENANTRY_ACTOR } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { Tenant } from '../../catalog/model/tenant.js';
import { redactedText } from '../../database/sql-guard/redacted-text.js';
import { InvalidFleetInputError, TooManyRowsError } from './fleet.errors.js';
import { TenantFleet } from './tenant-fleet.js';
import { type CheckedFilter, checkedFilter, type TenantFilter } from './tenant-filter.js';
import { assertReads, type ReportQuery, readReport } from './tenant-report.js';
import type { AcrossTenantsOptions, TenantReport, TenantReports } from './tenant-reports.js';
import type { TenantResult } from './tenant-results.js';

const MAX_STATEMENT_CHARACTERS = 2_000;

/** Runs `read` in the context of a tenant, on its data source. */
export type ReadAs = <T>(tenant: Tenant, read: (dataSource: DataSource) => Promise<T>) => Promise<T>;

const optionsSchema = z.strictObject({
  reason: z.string().trim().min(1).max(500),
  actor: z.custom<Actor>().optional(),
  concurrency: z.int().min(1).max(64).default(4),
  timeoutMs: z.int().min(1).max(86_400_000).default(10_000),
  maxRows: z.int().min(1).max(100_000).default(1_000),
  maxTotalRows: z.int().min(1).max(1_000_000).default(100_000),
  signal: z.instanceof(AbortSignal).optional(),
});

/** Reads the rows of many tenants, for `TenantConnectionService`. */
@Injectable()
export class TenantReportReader {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly audit: AuditLog,
    private readonly fleet: TenantFleet,
  ) {}

  /** @throws InvalidFleetInputError, SessionStatementRefusedError, MultipleCommandsError, TooManyRowsError, TenantListError */
  async read<Row extends object>(
    filter: TenantFilter,
    query: ReportQuery | string,
    options: AcrossTenantsOptions,
    readAs: ReadAs,
  ): Promise<TenantReports<Row>> {
    const parsed = optionsSchema.safeParse(options);
    if (!parsed.success) throw new InvalidFleetInputError(`acrossTenants: ${z.prettifyError(parsed.error)}`);
    const { concurrency, signal, maxTotalRows, reason, actor = TENANTRY_ACTOR, ...limits } = parsed.data;
    const report = typeof query === 'string' ? { text: query } : query;
    assertReads(report.text);
    await this.record(checkedFilter(filter), report.text, reason, actor);
    let total = 0;
    const count = (result: TenantResult<Row[]>): void => {
      total += result.status === 'done' ? result.value.length : 0;
      if (total > maxTotalRows) throw new TooManyRowsError(maxTotalRows, 'all tenants');
    };
    const { results, ...outcome } = await this.fleet.forEach<Row[]>(
      filter,
      (tenant) => readAs(tenant, (dataSource) => readReport<Row>(dataSource, report, limits)),
      { concurrency, onProgress: ({ result }) => count(result), ...(signal && { signal }) },
    );
    return { ...outcome, results: results.map(toReport) };
  }

  /** Before anything is read: what cannot be recorded is not done. Neither parameters nor constants of the statement are kept. */
  private record(filter: CheckedFilter, text: string, reason: string, actor: Actor): Promise<void> {
    const { slugs, ...conditions } = filter;
    return this.audit.record(this.catalog.manager, {
      actor,
      action: 'tenants.read',
      subjectKind: 'fleet',
      subjectId: randomUUID(),
      subject: 'fleet',
      after: {
        reason,
        ...conditions,
        ...(slugs && { namedTenants: slugs.length }), // not their names: those of a deleted tenant would stay
        statement: redactedText(text).slice(0, MAX_STATEMENT_CHARACTERS),
      },
    });
  }
}

function toReport<Row>(result: TenantResult<Row[]>): TenantReport<Row> {
  if (result.status === 'failed') return result;
  return { tenant: result.tenant, status: 'done', rows: result.value };
}
