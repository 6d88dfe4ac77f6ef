import { type DynamicModule, Global, Module, type Type } from '@nestjs/common';
import { LOADED_CONFIG } from '../tenantry/configuration.module.js';
import type { LoadedConfig } from '../platform/config/load-config.js';
import { WORKER_REPORTS, type WorkerReports } from '../metrics/workers/worker-reports.js';
import { HAS_PROBLEM_FILTER } from '../http/problems/problem.filter.js';
import { IDENTIFIES_EARLY } from '../tenant/access/open-contexts.js';
import { TracingModule } from '../tracing/tracing.module.js';
import { ConfigServiceModule } from './config-service.module.js';
import { ConsoleModule } from './console/console.module.js';
import { Drain } from './drain.js';
import { RootController } from './root.controller.js';

/** An application's root module. */
export type RootModule = Type | DynamicModule;

/** Wraps an application's root module with what its own process adds: tracing, `ConfigService`, the root route, graceful shutdown. */
@Module({})
export class ServerModule {
  static async around(app: RootModule, loaded: LoadedConfig, workerReports?: WorkerReports): Promise<DynamicModule> {
    return {
      module: ServerModule,
      imports: [
        TracingModule, // first, because modules add hooks to the server while they are created
        ConfigServiceModule.register(loaded.config),
        ProcessModule.of(loaded, workerReports),
        app,
        ...(loaded.config.features.console ? [ConsoleModule.of(loaded.config)] : []),
        ...(loaded.config.features.demoTenants ? [await demoModule()] : []),
      ],
      controllers: [RootController],
      providers: [Drain],
    };
  }
}

/** What TenantryModule must know of the process that it runs in. */
@Global()
@Module({})
class ProcessModule {
  static of(loaded: LoadedConfig, workerReports: WorkerReports | undefined): DynamicModule {
    return {
      module: ProcessModule,
      providers: [
        { provide: LOADED_CONFIG, useValue: loaded },
        { provide: IDENTIFIES_EARLY, useValue: true },
        { provide: HAS_PROBLEM_FILTER, useValue: true },
        { provide: WORKER_REPORTS, useValue: workerReports },
      ],
      exports: [LOADED_CONFIG, IDENTIFIES_EARLY, HAS_PROBLEM_FILTER, WORKER_REPORTS],
    };
  }
}

/** Imported dynamically, so that it is never loaded in production. */
async function demoModule(): Promise<Type> {
  return (await import('./demo/demo.module.js')).DemoModule;
}
