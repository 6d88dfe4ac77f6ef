import { Get, Inject } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import { CACHE, type Cache } from '../../cache/contract/cache.js';
import type { CacheSnapshot } from '../../cache/contract/cache-statistics.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { CONFIG_SOURCES, type ConfigSources } from '../../platform/config/load-config.js';
import { ConnectionPools } from '../../database/pool/connection-pools.js';
import type { ServerSnapshot } from '../../database/pool/pool-statistics.js';
import { ControlPlaneController } from '../control-plane-controller.decorator.js';
import { type FeatureFlag, featureFlagsOf } from '../../platform/config/feature-flags.js';

interface Runtime {
  readonly node: string;
  readonly pid: number;
  /** The number of the worker that responds; null without `WORKERS`. */
  readonly worker: number | null;
  readonly uptimeSeconds: number;
  readonly switches: readonly FeatureFlag[];
  readonly servers: readonly ServerSnapshot[];
  readonly cache: CacheSnapshot;
}

@ControlPlaneController('admin/v1/runtime')
export class RuntimeController {
  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CONFIG_SOURCES) private readonly sources: ConfigSources,
    @Inject(CACHE) private readonly cache: Cache,
    private readonly pools: ConnectionPools,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Show the feature flags, connections and cache of the responding instance' })
  runtime(): Runtime {
    return {
      node: process.version,
      pid: process.pid,
      worker: this.config.worker?.number ?? null,
      uptimeSeconds: Math.round(process.uptime()),
      switches: featureFlagsOf(this.config, this.sources),
      servers: this.pools.snapshot().servers,
      cache: this.cache.snapshot(),
    };
  }
}
