import { Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import type { Usage } from '../database/statements/usage.js';
import { registerMetric } from './series/reported-metric.js';
import { TopSeries } from './series/top-series.js';

interface TenantUsage {
  requests: number;
  statements: number;
  waitMs: number;
}

/** Activity per tenant for the busiest tenants, and summed for all others. */
@Injectable()
export class TenantMetrics {
  private readonly series = new TopSeries<TenantUsage>(() => ({ requests: 0, statements: 0, waitMs: 0 }));

  constructor(registry: Registry) {
    this.report(registry, 'requests_total', 'Requests', ({ requests }) => requests);
    this.report(registry, 'statements_total', 'Statements, transactions and sessions', ({ statements }) => statements);
    this.report(registry, 'wait_seconds_total', 'Time waited for connections', ({ waitMs }) => waitMs / 1000);
  }

  /** Records a completed request. */
  record(slug: string, usage: Readonly<Usage>): void {
    const counts = this.series.countsFor(slug, 1);
    counts.requests += 1;
    counts.statements += usage.statements;
    counts.waitMs += usage.waitMs;
  }

  private report(registry: Registry, name: string, what: string, value: (usage: TenantUsage) => number): void {
    registerMetric(registry, {
      name: `tenantry_tenant_${name}`,
      help: `${what} of the busiest tenants, and all others as "other". A series starts when a tenant joins the busiest.`,
      type: 'counter',
      read: () => this.series.entries().map(([tenant, counts]) => ({ labels: { tenant }, value: value(counts) })),
    });
  }
}
