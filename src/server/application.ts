import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../catalog/catalog-data-source.js';
import { TenantEntity } from '../catalog/entities/tenant.entity.js';
import type { AppConfig } from '../platform/config/app-config.js';
import type { LoadedConfig } from '../platform/config/load-config.js';
import { withDatabaseUrl } from '../platform/config/app-config.js';
import { StartupReEncryption } from '../admin/credentials/startup-re-encryption.js';
import { OperationRunner } from '../operations/operation-runner.js';
import { StoredSizes } from '../admin/stored-sizes/stored-sizes.js';
import { StoreUpkeep } from '../admin/stored-archives/store-upkeep.js';
import { SpareSupply } from '../admin/spare-tenants/spare-supply.js';
import { StartupMigration } from '../admin/fleet-migrations/startup-migration.js';
import type { EmbeddedPostgres } from '../dev/embedded-postgres/embedded-postgres.js';
import type { WorkerReports } from '../metrics/workers/worker-reports.js';
import { Shutdown } from '../platform/shutdown/shutdown.js';
import { featureFlagsOf, featureFlagTable } from '../platform/config/feature-flags.js';
import { createLog, type Log } from '../logging/log.js';
import { NestLog } from '../logging/nest-log.js';
import { createApp } from './create-app.js';
import { DEMO, type Demo, type DemoTenant } from './demo/demo.js';
import { PortUnavailableError } from '../http/problems/http.errors.js';
import { startEmbedded } from './start-embedded.js';
import type { RootModule } from './server.module.js';

/** Demo tenants, for the banner printed at startup. */
export interface StartedDemo {
  readonly tenants: readonly DemoTenant[];
  readonly examplePath: string;
}

/** What the process that starts the application brings along. */
interface StartOptions {
  readonly log?: Log;
  /** Where the process is one of an instance's workers. */
  readonly workerReports?: WorkerReports | undefined;
}

/** The running service: the Nest application and, if configured, embedded PostgreSQL. */
export class Application {
  private constructor(
    readonly nest: NestFastifyApplication,
    /** Base URL, as seen from this machine. */
    readonly url: string,
    /** Undefined without demo tenants. */
    readonly demo: StartedDemo | undefined,
    private readonly postgres: Pick<EmbeddedPostgres, 'exited'> | undefined,
  ) {}

  /** Starts everything that is configured. When a part fails to start, stops the others before rejecting. */
  static async start(
    loaded: LoadedConfig,
    root: RootModule,
    { log = createLog(loaded.config), workerReports }: StartOptions = {},
  ): Promise<Application> {
    const { worker } = loaded.config;
    Logger.overrideLogger(new NestLog(log));
    if (!worker) new Logger('Tenantry').log(featureFlagTable(featureFlagsOf(loaded.config, loaded.sources)));
    const postgres = worker ? undefined : await startEmbedded(loaded.config);
    try {
      const config = postgres ? withDatabaseUrl(loaded.config, postgres.url) : loaded.config;
      const nest = await createApp({ ...loaded, config }, root, { log, workerReports });
      if (postgres) nest.get(Shutdown).add('stop embedded PostgreSQL', () => postgres.stop());
      return await Application.open(nest, config, postgres);
    } catch (error) {
      await postgres?.stop();
      throw error;
    }
  }

  private static async open(
    nest: NestFastifyApplication,
    config: AppConfig,
    postgres: EmbeddedPostgres | undefined,
  ): Promise<Application> {
    try {
      const { isFirst: isStart = true } = config.worker ?? {};
      const demo = config.features.demoTenants && isStart ? nest.get<Demo>(DEMO) : undefined;
      if (demo) await nest.get(StartupMigration).run();
      const tenants = (await demo?.ensure()) ?? [];
      const url = await listen(nest, config);
      if (isStart) await nest.get(StartupReEncryption).requestIfNeeded();
      nest.get(OperationRunner).start();
      nest.get(SpareSupply).start();
      nest.get(StoreUpkeep).start();
      nest.get(StoredSizes).start();
      await demo?.publish(url, tenants);
      return new Application(nest, url, demo && { tenants, examplePath: demo.examplePath }, postgres);
    } catch (error) {
      await nest.close();
      throw error;
    }
  }

  /**
   * Runs `SHUTDOWN_STEPS`. The application's own hooks run when its requests have finished.
   *
   * @param spentMs of `SHUTDOWN_TIMEOUT`, since the signal
   */
  async stop(spentMs = 0): Promise<void> {
    const shutdown = this.nest.get(Shutdown);
    shutdown.begin(spentMs);
    await shutdown.run('finish requests');
    try {
      await this.nest.close();
    } finally {
      await shutdown.run();
    }
  }

  /** Also when the catalog does not answer: then a first tenant is not what is missing. */
  async hasTenants(): Promise<boolean> {
    const tenants = this.nest.get<DataSource>(CATALOG).getRepository(TenantEntity);
    return tenants.exists().catch(() => true);
  }

  /** Resolves when embedded PostgreSQL exits unexpectedly; never resolves without embedded PostgreSQL. */
  async databaseLost(): Promise<void> {
    if (!this.postgres) return new Promise(() => undefined);
    await this.postgres.exited;
  }
}

async function listen(nest: NestFastifyApplication, { http: { host, port } }: AppConfig): Promise<string> {
  try {
    await nest.listen({ host, port });
  } catch (error) {
    throw PortUnavailableError.from(error, host, port) ?? error;
  }
  const address = nest.getHttpServer().address();
  const actualPort = typeof address === 'object' && address ? address.port : port;
  const hostname = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `http://${hostname}:${actualPort}`;
}
