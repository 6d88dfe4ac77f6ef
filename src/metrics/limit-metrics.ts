import { Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import { JobSlots } from '../tenant/jobs/job-slots.js';
import { RequestLimiter } from '../tenant/limits/request-limiter.js';
import { StoredAmounts } from '../tenant/limits/stored-amounts.js';
import { registerMetric } from './series/reported-metric.js';

/** Limits of tenants' requests. Without a series per tenant. */
@Injectable()
export class LimitMetrics {
  constructor(registry: Registry, limiter: RequestLimiter, amounts: StoredAmounts, slots: JobSlots) {
    registerMetric(registry, {
      name: 'tenantry_rate_limited_total',
      help: "Requests that were refused, by the tenant's limit that they were above: of the second or of the day.",
      type: 'counter',
      read: () => Object.entries(limiter.refused).map(([limit, value]) => ({ labels: { limit }, value })),
    });
    registerMetric(registry, {
      name: 'tenantry_rate_limit_shares_total',
      help: "Requests of tenants with limits that the instance's share has decided, because Redis could not be asked.",
      type: 'counter',
      read: () => [{ labels: {}, value: limiter.byShare }],
    });
    registerMetric(registry, {
      name: 'tenantry_storage_refused_total',
      help: 'Statements that were refused, because their tenant has stored as much as its limit admits.',
      type: 'counter',
      read: () => [{ labels: {}, value: amounts.refused }],
    });
    registerMetric(registry, {
      name: 'tenantry_job_limit_waits_total',
      help: 'Jobs that had to wait, because as many of their tenant ran as its limit admits.',
      type: 'counter',
      read: () => [{ labels: {}, value: slots.refused }],
    });
  }
}
