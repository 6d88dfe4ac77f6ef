import { Global, Inject, Module, type OnApplicationShutdown, Optional } from '@nestjs/common';
import { accessCatalog, type CatalogAccess } from '../catalog/catalog-access.js';
import { APP_CONFIG } from '../platform/config/app-config.js';
import { HOST_USES, type HostUses, loadHostConfig } from '../platform/config/host-config.js';
import { CONFIG_SOURCES, type LoadedConfig } from '../platform/config/load-config.js';
import { OpenResources } from '../platform/start/open-resources.js';
import { useHostTracing } from '../tracing/host-tracing.js';
import { TENANTRY_SETTINGS, type TenantrySettings } from './options.js';

/** Injection token of the configuration that a process has loaded before it created the application. */
export const LOADED_CONFIG = Symbol.for('tenantry/loaded-config');

/** Injection token: the configuration, with a catalog that can be reached. */
const CONFIGURATION = Symbol.for('tenantry/configuration');

interface Configuration extends Pick<LoadedConfig, 'sources'> {
  readonly access: Pick<CatalogAccess, 'config' | 'close'>;
}

/** Reads the configuration and, outside production and without `DATABASE_URL`, starts embedded PostgreSQL. */
@Global()
@Module({
  providers: [
    OpenResources,
    {
      provide: CONFIGURATION,
      inject: [OpenResources, TENANTRY_SETTINGS, HOST_USES, { token: LOADED_CONFIG, optional: true }],
      useFactory: configure,
    },
    { provide: APP_CONFIG, inject: [CONFIGURATION], useFactory: ({ access }: Configuration) => access.config },
    { provide: CONFIG_SOURCES, inject: [CONFIGURATION], useFactory: ({ sources }: Configuration) => sources },
  ],
  exports: [APP_CONFIG, CONFIG_SOURCES, OpenResources],
})
export class ConfigurationModule implements OnApplicationShutdown {
  constructor(@Optional() @Inject(CONFIGURATION) private readonly configuration: Configuration) {}

  /** No other module depends on fewer: Nest shuts this one down last. */
  async onApplicationShutdown(): Promise<void> {
    await this.configuration.access.close();
  }
}

async function configure(
  resources: OpenResources,
  { env }: TenantrySettings,
  uses: HostUses,
  loaded: LoadedConfig | undefined,
): Promise<Configuration> {
  if (loaded) return { sources: loaded.sources, access: { config: loaded.config, close: () => Promise.resolve() } };
  const input = env === undefined ? { env: process.env, cwd: process.cwd() } : { env, cwd: undefined };
  const { config, sources } = loadHostConfig(input, uses);
  await useHostTracing();
  const access = await accessCatalog(config);
  resources.add(() => access.close());
  return { sources, access };
}
