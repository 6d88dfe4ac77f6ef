import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../platform/config/app-config.js';
import { type ServerAddress, targetOfUrl } from '../database/connection/connection-target.js';
import { Shutdown } from '../platform/shutdown/shutdown.js';
import { poolOptions } from '../database/pool/pool-options.js';
import { probePooler } from '../database/statements/pooler-probe.js';
import { withStartupWait } from './startup-wait.js';
import { DEFAULT_SERVER, DEFAULT_SERVER_ADDRESS } from './catalog-target.js';

/** Behind a pooler, proves before the first request that one tenant's stamp does not leak to the next client. */
@Injectable()
export class PoolerProbe implements OnModuleInit {
  private readonly logger = new Logger(PoolerProbe.name);

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(DEFAULT_SERVER_ADDRESS) private readonly server: ServerAddress,
    private readonly shutdown: Shutdown = new Shutdown(),
  ) {}

  /** @throws PoolerLeakError, TargetUnavailableError, StartupTimeoutError */
  onModuleInit(): Promise<void> {
    return this.shutdown.duringStart(() => this.probe());
  }

  private async probe(): Promise<void> {
    const { url } = this.config.database;
    if (url === undefined || !this.server.aroundPooler) return;
    // With the role of DATABASE_URL: the pooler may not know the one of DATABASE_DIRECT_URL.
    const target = { ...targetOfUrl(url, DEFAULT_SERVER), server: this.server };
    const proven = await withStartupWait(this.config.startupWaitMs, () =>
      probePooler(target, poolOptions(this.config)),
    );
    if (proven) this.logger.log('Pooler check passed: stamps stay apart on a connection shared by two clients');
    else this.logger.warn('Pooler check inconclusive: no connection was shared. Is the pooler in transaction mode?');
  }
}
