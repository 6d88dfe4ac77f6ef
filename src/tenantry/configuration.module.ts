import { Global, Module } from '@nestjs/common';
import { accessCatalog, type CatalogAccess } from '../catalog/catalog-access.js';
import { APP_CONFIG } from '../platform/config/app-config.js';
import { HOST_USES, type HostUses, loadHostConfig } from '../platform/config/host-config.js';
import { CONFIG_SOURCES, type ConfigInput, type LoadedConfig } from '../platform/config/load-config.js';
import { Shutdown } from '../platform/shutdown/shutdown.js';
import { useHostTracing } from '../tracing/host-tracing.js';
import { TENANTRY_SETTINGS, type TenantrySettings } from './options.js';

/** Injection token of the configuration that a process has loaded before it created the application. */
export const LOADED_CONFIG = Symbol.for('tenantry/loaded-config');

/** Injection token: the configuration, with a catalog that can be reached. */
const CONFIGURATION = Symbol.for('tenantry/configuration');

interface Configuration extends Pick<LoadedConfig, 'sources'> {
  readonly access: Pick<CatalogAccess, 'config'>;
}

/** Reads the configuration and, outside production and without `DATABASE_URL`, starts embedded PostgreSQL. */
@Global()
@Module({
  providers: [
    { provide: Shutdown, useFactory: () => new Shutdown() },
    {
      provide: CONFIGURATION,
      inject: [Shutdown, TENANTRY_SETTINGS, HOST_USES, { token: LOADED_CONFIG, optional: true }],
      useFactory: configure,
    },
    { provide: APP_CONFIG, inject: [CONFIGURATION], useFactory: ({ access }: Configuration) => access.config },
    { provide: CONFIG_SOURCES, inject: [CONFIGURATION], useFactory: ({ sources }: Configuration) => sources },
  ],
  exports: [APP_CONFIG, CONFIG_SOURCES, Shutdown],
})
export class ConfigurationModule {}

async function configure(
  shutdown: Shutdown,
  { env }: TenantrySettings,
  uses: HostUses,
  loaded: LoadedConfig | undefined,
): Promise<Configuration> {
  const { config, sources } = loaded ?? loadHostConfig(inputOf(env), uses);
  shutdown.timeoutMs = config.shutdownTimeoutMs;
  if (loaded) return { sources, access: { config } };
  await useHostTracing();
  const access = await accessCatalog(config);
  shutdown.add('stop embedded PostgreSQL', (graceMs) => access.close(graceMs));
  return { sources, access };
}

function inputOf(env: TenantrySettings['env']): ConfigInput {
  return env === undefined ? { env: process.env, cwd: process.cwd() } : { env, cwd: undefined };
}
