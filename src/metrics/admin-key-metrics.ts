import { Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import { AdminKey } from '../tenant/admin-key/admin-key.js';
import { registerMetric } from './series/reported-metric.js';

/** Refused attempts to use the admin key. */
@Injectable()
export class AdminKeyMetrics {
  constructor(registry: Registry, { refused }: AdminKey) {
    registerMetric(registry, {
      name: 'tenantry_admin_key_refused_total',
      help: 'Refused attempts to use the admin key: "wrong" keys, and attempts "delayed" by the back-off of their address.',
      type: 'counter',
      read: () => Object.entries(refused).map(([reason, value]) => ({ labels: { reason }, value })),
    });
  }
}
