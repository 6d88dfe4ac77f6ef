import { Inject, Injectable, Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { APP_CONFIG, type AppConfig } from '../../../../src/platform/config/app-config.js';
import { AppConfigModule } from '../../../../src/platform/config/config.module.js';
import { CONFIG_SOURCES, type ConfigSources, loadConfig } from '../../../../src/platform/config/load-config.js';
import { REQUIRED, temporaryFolders } from '../../../support/config-fixture.js';

@Injectable()
class Consumer {
  constructor(
    @Inject(APP_CONFIG) readonly config: AppConfig,
    @Inject(CONFIG_SOURCES) readonly sources: ConfigSources,
  ) {}
}

/** Imports nothing: the configuration is available to every module. */
@Module({ providers: [Consumer] })
class ConsumerModule {}

const loaded = loadConfig({ env: { ...REQUIRED, DB_POOL_SIZE: '3' }, cwd: temporaryFolders()() });
let module: TestingModule;
let consumer: Consumer;

beforeAll(async () => {
  module = await Test.createTestingModule({ imports: [AppConfigModule.register(loaded), ConsumerModule] }).compile();
  consumer = module.get(Consumer, { strict: false });
});
afterAll(() => module.close());

it('AppConfigModule provides the typed configuration and its sources as they were loaded', () => {
  expect(consumer.config).toBe(loaded.config);
  expect(consumer.sources).toBe(loaded.sources);
});
