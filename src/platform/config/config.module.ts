import { type DynamicModule, Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { APP_CONFIG } from './app-config.js';
import { CONFIG_SOURCES, type LoadedConfig } from './load-config.js';

/**
 * Provides the configuration globally: as a typed object under `APP_CONFIG`, and by path through Nest's `ConfigService`
 * (`config.get('pool.size', { infer: true })` on a `ConfigService<AppConfig, true>`).
 */
@Module({})
export class AppConfigModule {
  static register({ config, sources }: LoadedConfig): DynamicModule {
    return {
      module: AppConfigModule,
      global: true,
      imports: [
        ConfigModule.forRoot({
          isGlobal: true,
          ignoreEnvFile: true,
          // Otherwise an unknown path falls back to the unvalidated environment.
          validatePredefined: false,
          skipProcessEnv: true,
          // ConfigService copies only the top level; the frozen groups below it are shared.
          load: [() => config],
        }),
      ],
      providers: [
        { provide: APP_CONFIG, useValue: config },
        { provide: CONFIG_SOURCES, useValue: sources },
      ],
      exports: [APP_CONFIG, CONFIG_SOURCES],
    };
  }
}
