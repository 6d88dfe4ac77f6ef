import { Controller, Get, UseFilters } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { HealthCheck, type HealthCheckResult, HealthCheckService } from '@nestjs/terminus';
import { Public } from '../tenant/access.decorators.js';
import { CatalogIndicator } from './catalog.indicator.js';
import { HealthFilter } from './health.filter.js';
import { RedisIndicator } from './redis.indicator.js';
import { TenantsIndicator } from './tenants.indicator.js';

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
  ) {}

  @Get(['', 'ready'])
  @HealthCheck()
  @ApiOperation({ summary: 'Whether this instance should be sent requests' })
  ready(): Promise<HealthCheckResult> {
    return this.health.check([() => this.catalog.check(), () => this.redis.check(), () => this.tenants.check()]);
  }

  /** Touches no dependency: a restart does not mend somebody else's outage. */
  @Get('live')
  @ApiOperation({ summary: 'Whether this process is alive' })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }
}
