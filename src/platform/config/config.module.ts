import { type DynamicModule, Module } from '@nestjs/common';
import { Shutdown } from '../shutdown/shutdown.js';
import { APP_CONFIG } from './app-config.js';
import { CONFIG_SOURCES, type LoadedConfig } from './load-config.js';

/** Provides the configuration globally, as a typed object under `APP_CONFIG`. */
@Module({})
export class AppConfigModule {
  /** @param shutdown run by the caller when the application cannot start */
  static register({ config, sources }: LoadedConfig, shutdown = new Shutdown(config.shutdownTimeoutMs)): DynamicModule {
    return {
      module: AppConfigModule,
      global: true,
      providers: [
        { provide: APP_CONFIG, useValue: config },
        { provide: CONFIG_SOURCES, useValue: sources },
        { provide: Shutdown, useValue: shutdown },
      ],
      exports: [APP_CONFIG, CONFIG_SOURCES, Shutdown],
    };
  }
}
