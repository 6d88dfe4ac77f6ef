import { Controller, Get, ServiceUnavailableException, UseFilters, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { HealthCheck, type HealthCheckResult, HealthCheckService } from '@nestjs/terminus';
import { Public } from '../tenant/access/access.decorators.js';
import { CatalogIndicator } from './catalog.indicator.js';
import { Shutdown } from '../platform/shutdown/shutdown.js';
import { ProblemFilter } from '../http/problems/problem.filter.js';
import { HealthFilter } from './health.filter.js';
import { RedisIndicator } from './redis.indicator.js';
import { ReplicasIndicator } from './replicas.indicator.js';
import { TenantTablesIndicator } from './tenant-tables.indicator.js';
import { TenantsIndicator } from './tenants.indicator.js';

/**
 * Terminus reports this only after the server has stopped listening; here it is sent from the start of the shutdown.
 */
const SHUTTING_DOWN: HealthCheckResult = { status: 'shutting_down', info: {}, error: {}, details: {} };

@ApiTags('health')
@Public()
@UseFilters(new ProblemFilter(), new HealthFilter()) // the last one that catches an exception has it
@Controller({ path: 'health', version: VERSION_NEUTRAL })
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly catalog: CatalogIndicator,
    private readonly redis: RedisIndicator,
    private readonly tenants: TenantsIndicator,
    private readonly tables: TenantTablesIndicator,
    private readonly replicas: ReplicasIndicator,
    private readonly shutdown: Shutdown,
  ) {}

  @Get(['', 'ready'])
  @HealthCheck()
  @ApiOperation({ summary: 'Readiness: whether this instance can serve requests' })
  async ready(): Promise<HealthCheckResult> {
    if (this.shutdown.hasBegun) throw new ServiceUnavailableException(SHUTTING_DOWN);
    return this.health.check([
      () => this.catalog.check(),
      () => this.redis.check(),
      () => this.tenants.check(),
      () => this.tables.check(),
      ...(this.replicas.isNeeded ? [() => this.replicas.check()] : []),
    ]);
  }

  /** Checks no dependency, because a restart does not fix another service's outage. */
  @Get('live')
  @ApiOperation({ summary: 'Liveness: whether this process is running' })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }
}
