import { type DynamicModule, Module } from '@nestjs/common';
import { APP_CONFIG } from './app-config.js';
import { CONFIG_SOURCES, type LoadedConfig } from './load-config.js';

/** Provides the configuration globally, as a typed object under `APP_CONFIG`. */
@Module({})
export class AppConfigModule {
  static register({ config, sources }: LoadedConfig): DynamicModule {
    return {
      module: AppConfigModule,
      global: true,
      providers: [
        { provide: APP_CONFIG, useValue: config },
        { provide: CONFIG_SOURCES, useValue: sources },
      ],
      exports: [APP_CONFIG, CONFIG_SOURCES],
    };
  }
}
