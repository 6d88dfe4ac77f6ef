import { Logger, Module } from '@nestjs/common';
import { HealthIndicatorService, TerminusModule } from '@nestjs/terminus';
import { CacheModule } from '../cache/cache.module.js';
import { CatalogIndicator } from './catalog.indicator.js';
import { CatalogProbe } from './catalog-probe.js';
import { supportsDegraded } from './degraded.js';
import { HealthController } from './health.controller.js';
import { RedisIndicator } from './redis.indicator.js';
import { ReplicasIndicator } from './replicas.indicator.js';
import { ServedTenants } from './served-tenants.js';
import { TenantTablesIndicator } from './tenant-tables.indicator.js';
import { TenantsIndicator } from './tenants.indicator.js';

@Module({
  imports: [TerminusModule.forRoot({ errorLogStyle: 'pretty' }), CacheModule],
  controllers: [HealthController],
  providers: [
    ...[CatalogProbe, CatalogIndicator, RedisIndicator, TenantsIndicator, ServedTenants],
    ...[TenantTablesIndicator, ReplicasIndicator],
  ],
})
export class HealthModule {
  constructor(health: HealthIndicatorService) {
    if (supportsDegraded(health.check('terminus'))) return;
    new Logger('Tenantry').log(
      'Before @nestjs/terminus 12, /health reports an impaired part as "up", with "degraded": true',
    );
  }
}
