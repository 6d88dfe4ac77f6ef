import { Module } from '@nestjs/common';
import { Registry } from 'prom-client';
import { CacheModule } from '../cache/cache.module.js';
import { AdminKeyMetrics } from './admin-key-metrics.js';
import { BackupMetrics } from './backup-metrics.js';
import { CacheMetrics } from './cache-metrics.js';
import { LimitMetrics } from './limit-metrics.js';
import { ReplicaMetrics } from './replica-metrics.js';
import { MetricsController } from './metrics.controller.js';
import { MetricsGuard } from './metrics.guard.js';
import { MetricsService } from './metrics.service.js';
import { PoolMetrics } from './pools/pool-metrics.js';
import { ProcessMetrics } from './process/process-metrics.js';
import { RequestMetrics } from './request-metrics.js';
import { RuntimeMetrics } from './process/runtime-metrics.js';
import { CatalogMetrics } from './catalog-metrics.js';
import { TenantMetrics } from './tenant-metrics.js';

/** `GET /metrics` for Prometheus. */
@Module({
  imports: [CacheModule],
  controllers: [MetricsController],
  providers: [
    // Not prom-client's global registry: each application in a process has its own metrics.
    { provide: Registry, useFactory: () => new Registry() },
    MetricsGuard,
    AdminKeyMetrics,
    RequestMetrics,
    TenantMetrics,
    CatalogMetrics,
    BackupMetrics,
    PoolMetrics,
    CacheMetrics,
    LimitMetrics,
    ReplicaMetrics,
    RuntimeMetrics,
    ProcessMetrics,
    MetricsService,
  ],
})
export class MetricsModule {}
