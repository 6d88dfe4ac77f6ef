import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { CacheModule } from '../cache/cache.module.js';
import { CatalogIndicator } from './catalog.indicator.js';
import { CatalogProbe } from './catalog-probe.js';
import { Drain } from '../server/drain.js';
import { HealthController } from './health.controller.js';
import { RedisIndicator } from './redis.indicator.js';
import { TenantHealthController } from '../admin/tenants/tenant-health.controller.js';
import { TenantsIndicator } from './tenants.indicator.js';

@Module({
  imports: [TerminusModule.forRoot({ errorLogStyle: 'pretty' }), CacheModule],
  controllers: [HealthController, TenantHealthController],
  providers: [Drain, CatalogProbe, CatalogIndicator, RedisIndicator, TenantsIndicator],
  exports: [Drain],
})
export class HealthModule {}
