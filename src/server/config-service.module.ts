import { type DynamicModule, Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import type { AppConfig } from '../platform/config/app-config.js';

/**
 * Provides the configuration globally by path through Nest's `ConfigService`
 * (`config.get('pool.size', { infer: true })` on a `ConfigService<AppConfig, true>`).
 */
@Module({})
export class ConfigServiceModule {
  static register(config: AppConfig): DynamicModule {
    return {
      module: ConfigServiceModule,
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
    };
  }
}
