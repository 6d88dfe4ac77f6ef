import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../config/app-config.js';
import type { ConnectionTarget, ServerAddress } from '../database/pool/connection-target.js';
import { type PoolOptions, poolOptions } from '../database/pool/pool-options.js';
import { probePooler } from '../database/session/pooler-probe.js';
import { CATALOG_TARGET, DEFAULT_SERVER_ADDRESS } from './catalog-target.js';

/** Behind a pooler nobody is served before it was seen that one tenant's stamp does not reach the next. */
@Injectable()
export class PoolerProbe implements OnModuleInit {
  private readonly logger = new Logger(PoolerProbe.name);
  private readonly options: PoolOptions;

  constructor(
    @Inject(APP_CONFIG) config: AppConfig,
    @Inject(CATALOG_TARGET) private readonly catalogTarget: ConnectionTarget,
    @Inject(DEFAULT_SERVER_ADDRESS) private readonly server: ServerAddress,
  ) {
    this.options = poolOptions(config);
  }

  /** @throws PoolerLeakError */
  async onModuleInit(): Promise<void> {
    if (!this.server.aroundPooler) return;
    const proven = await probePooler({ ...this.catalogTarget, server: this.server }, this.options);
    if (proven) this.logger.log('The pooler keeps stamps apart: two went over one of its connections');
    else this.logger.warn('The pooler never used one connection for two clients: is it in transaction mode?');
  }
}
