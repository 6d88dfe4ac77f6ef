import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../platform/config/app-config.js';
import type { ServerAddress } from '../database/connection/connection-target.js';
import { targetOfUrl } from '../database/connection/database-url.js';
import { poolOptions } from '../database/pool/pool-options.js';
import { probePooler } from '../database/statements/pooler-probe.js';
import { DEFAULT_SERVER, DEFAULT_SERVER_ADDRESS } from './catalog-target.js';

/** Behind a pooler nobody is served before it was seen that one tenant's stamp does not reach the next. */
@Injectable()
export class PoolerProbe implements OnModuleInit {
  private readonly logger = new Logger(PoolerProbe.name);

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(DEFAULT_SERVER_ADDRESS) private readonly server: ServerAddress,
  ) {}

  /** @throws PoolerLeakError, TargetUnavailableError */
  async onModuleInit(): Promise<void> {
    const { url } = this.config.database;
    if (url === undefined || !this.server.aroundPooler) return;
    // With the login of DATABASE_URL: the pooler need not know the one that goes around it.
    const target = { ...targetOfUrl(url, DEFAULT_SERVER), server: this.server };
    const proven = await probePooler(target, poolOptions(this.config));
    if (proven) this.logger.log('The pooler keeps stamps apart: two went over one of its connections');
    else this.logger.warn('The pooler never used one connection for two clients: is it in transaction mode?');
  }
}
