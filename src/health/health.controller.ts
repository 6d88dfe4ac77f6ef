import { Controller, Get, ServiceUnavailableException, UseFilters } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { HealthCheck, type HealthCheckResult, HealthCheckService } from '@nestjs/terminus';
import { Public } from '../tenant/access/access.decorators.js';
import { CatalogIndicator } from './catalog.indicator.js';
import { ShutdownState } from '../platform/shutdown/shutdown-state.js';
import { HealthFilter } from './health.filter.js';
import { RedisIndicator } from './redis.indicator.js';
import { TenantsIndicator } from './tenants.indicator.js';

/** What terminus says once it was told, which is when nobody can ask any more. */
const SHUTTING_DOWN: HealthCheckResult = { status: 'shutting_down', info: {}, error: {}, details: {} };

@ApiTags('health')
@Public()
@UseFilters(HealthFilter)
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly catalog: CatalogIndicator,
    private readonly redis: RedisIndicator,
    private readonly tenants: TenantsIndicator,
    private readonly shutdown: ShutdownState,
  ) {}

  @Get(['', 'ready'])
  @HealthCheck()
  @ApiOperation({ summary: 'Whether this instance should be sent requests' })
  async ready(): Promise<HealthCheckResult> {
    if (this.shutdown.hasBegun) throw new ServiceUnavailableException(SHUTTING_DOWN);
    return this.health.check([() => this.catalog.check(), () => this.redis.check(), () => this.tenants.check()]);
  }

  /** Touches no dependency: a restart does not mend somebody else's outage. */
  @Get('live')
  @ApiOperation({ summary: 'Whether this process is alive' })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }
}
