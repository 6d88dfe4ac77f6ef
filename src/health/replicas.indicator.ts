import { Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { ReadReplicas, type ReplicaSnapshot } from '../database/replicas/read-replicas.js';
import { degraded } from './degraded.js';

/** Reports how many of the read replicas in use answer. One that does not is no failure: the primary answers in its place. */
@Injectable()
export class ReplicasIndicator {
  constructor(
    private readonly replicas: ReadReplicas,
    private readonly health: HealthIndicatorService,
  ) {}

  /** Whether any is in use. */
  get isNeeded(): boolean {
    return this.inUse.length > 0;
  }

  check(): HealthIndicatorResult {
    const replicas = this.inUse;
    const serviceable = replicas.filter(({ problem }) => problem === undefined).length;
    const data = { serviceable, total: replicas.length };
    const session = this.health.check('readReplicas');
    return serviceable === replicas.length ? session.up(data) : degraded(session, data);
  }

  private get inUse(): readonly ReplicaSnapshot[] {
    return this.replicas.snapshot().replicas.filter(({ isInUse }) => isInUse);
  }
}
