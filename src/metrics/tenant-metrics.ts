import { Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import type { Usage } from '../database/statements/usage.js';
import { report } from './series/reported-metric.js';
import { TopSeries } from './series/top-series.js';

interface TenantCounts {
  requests: number;
  statements: number;
  waitMs: number;
}

/** What the busiest tenants do, each on its own; all others together. */
@Injectable()
export class TenantMetrics {
  private readonly series = new TopSeries<TenantCounts>(() => ({ requests: 0, statements: 0, waitMs: 0 }));

  constructor(registry: Registry) {
    this.report(registry, 'requests_total', 'Requests', ({ requests }) => requests);
    this.report(registry, 'statements_total', 'Statements, transactions and sessions', ({ statements }) => statements);
    this.report(registry, 'wait_seconds_total', 'Time waited for connections', ({ waitMs }) => waitMs / 1000);
  }

  /** One request of a tenant is answered. */
  record(slug: string, usage: Readonly<Usage>): void {
    const counts = this.series.of(slug, 1);
    counts.requests += 1;
    counts.statements += usage.statements;
    counts.waitMs += usage.waitMs;
  }

  private report(registry: Registry, name: string, what: string, value: (counts: TenantCounts) => number): void {
    report(registry, {
      name: `tenantry_tenant_${name}`,
      help: `${what} of the busiest tenants; of all others under "other". A series begins when a tenant becomes one of them.`,
      type: 'counter',
      read: () => this.series.entries().map(([tenant, counts]) => ({ labels: { tenant }, value: value(counts) })),
    });
  }
}
