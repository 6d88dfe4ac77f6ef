import { Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { degraded } from './degraded.js';
import { ConnectionPools } from '../database/pool/connection-pools.js';

/**
 * Reports how many of the databases in use are reachable, based on the circuit breakers of their pools, which try
 * unreachable ones again by themselves: probing all would add load that grows with the number of tenants. An unreachable database affects its tenants, not this instance.
 */
@Injectable()
export class TenantsIndicator {
  constructor(
    private readonly pools: ConnectionPools,
    private readonly health: HealthIndicatorService,
  ) {}

  check(): HealthIndicatorResult {
    const pools = this.pools.snapshot().pools.filter(({ isReplica }) => !isReplica);
    const serviceable = pools.filter(({ breaker }) => breaker !== 'open').length;
    const data = { serviceable, total: pools.length };
    const session = this.health.check('tenantDatabases');
    return serviceable === pools.length ? session.up(data) : degraded(session, data);
  }
}
