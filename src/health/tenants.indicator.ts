import { Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { ConnectionPools } from '../database/pool/connection-pools.js';

/**
 * How many of the databases in use can be connected to, as their pools have found out by themselves: asking them would
 * add load that grows with the tenants. One that is down is its tenants' trouble, not this instance's.
 */
@Injectable()
export class TenantsIndicator {
  constructor(
    private readonly pools: ConnectionPools,
    private readonly health: HealthIndicatorService,
  ) {}

  check(): HealthIndicatorResult {
    const { pools } = this.pools.snapshot();
    const serviceable = pools.filter(({ breaker }) => breaker !== 'open').length;
    const data = { serviceable, total: pools.length };
    const session = this.health.check('tenantDatabases');
    return serviceable === pools.length ? session.up(data) : session.degraded(data);
  }
}
