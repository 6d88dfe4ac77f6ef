import { type DynamicModule, Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { APP_CONFIG } from './app-config.js';
import { CONFIG_SOURCES, type LoadedConfig } from './load-config.js';

/**
 * The configuration for everyone: as one typed object under `APP_CONFIG`, and through Nest's `ConfigService` by path
 * (`config.get('pool.size', { infer: true })` of a `ConfigService<AppConfig, true>`).
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
          // Otherwise a path that does not exist would be answered from the environment, unvalidated.
          validatePredefined: false,
          skipProcessEnv: true,
          // ConfigService copies the outermost level only; the frozen groups below it are shared.
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
