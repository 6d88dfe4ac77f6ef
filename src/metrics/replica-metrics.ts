import { Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import { type ReplicaSnapshot, ReadReplicas } from '../database/replicas/read-replicas.js';
import { registerMetric, type Sample } from './series/reported-metric.js';

/** Reads from replicas, and those that went to the primary instead. A replica is known by its number in the server's list. */
@Injectable()
export class ReplicaMetrics {
  constructor(
    registry: Registry,
    private readonly replicas: ReadReplicas,
  ) {
    registerMetric(registry, {
      name: 'tenantry_replica_reads_total',
      help: 'Statements that a read replica has answered.',
      type: 'counter',
      read: () => this.samples(({ reads }) => reads),
    });
    registerMetric(registry, {
      name: 'tenantry_replica_up',
      help: 'Whether the read replica answers: 1 or 0. Not reported while it is not in use.',
      type: 'gauge',
      read: () => this.samples(({ isInUse, problem }) => (isInUse ? Number(problem === undefined) : undefined)),
    });
    registerMetric(registry, {
      name: 'tenantry_replica_staleness_seconds',
      help: 'By how much the read replica was behind when it was last asked; half a second is the error.',
      type: 'gauge',
      read: () => this.samples(({ stalenessMs }) => (stalenessMs === undefined ? undefined : stalenessMs / 1_000)),
    });
    registerMetric(registry, {
      name: 'tenantry_replica_fallbacks_total',
      help: 'Reads that went to the primary instead of a read replica, by reason.',
      type: 'counter',
      read: () => {
        const { fallbacks } = replicas.snapshot();
        return Object.entries(fallbacks).map(([reason, value]) => ({ labels: { reason }, value }));
      },
    });
  }

  private samples(valueOf: (replica: ReplicaSnapshot) => number | undefined): Sample[] {
    return this.replicas.snapshot().replicas.flatMap((replica) => {
      const value = valueOf(replica);
      const labels = { server: replica.serverId, replica: String(replica.number) };
      return value === undefined ? [] : [{ labels, value }];
    });
  }
}
