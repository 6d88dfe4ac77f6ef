import { Inject, Injectable, Module } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { APP_CONFIG, type AppConfig } from '../../../../src/platform/config/app-config.js';
import { AppConfigModule } from '../../../../src/platform/config/config.module.js';
import { CONFIG_SOURCES, type ConfigSources, loadConfig } from '../../../../src/platform/config/load-config.js';
import { REQUIRED, temporaryFolders } from '../../../support/config-fixture.js';

@Injectable()
class Consumer {
  constructor(
    readonly service: ConfigService<AppConfig, true>,
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
let service: ConfigService<AppConfig, true>;

beforeAll(async () => {
  module = await Test.createTestingModule({ imports: [AppConfigModule.register(loaded), ConsumerModule] }).compile();
  consumer = module.get(Consumer, { strict: false });
  service = consumer.service;
});
afterAll(() => module.close());

it('AppConfigModule provides the typed configuration and its sources as they were loaded', () => {
  expect(consumer.config).toBe(loaded.config);
  expect(consumer.sources).toBe(loaded.sources);
});

it('ConfigService finds the same values by path, and the same frozen groups', () => {
  expect(service.get('pool.size', { infer: true })).toBe(3);
  expect(service.get('environment', { infer: true })).toBe('development');
  expect(service.get('security', { infer: true })).toBe(loaded.config.security);
});

it('ConfigService returns nothing from the environment, which is not validated', () => {
  expect(process.env['PATH']).toEqual(expect.any(String));
  expect(new ConfigService().get('PATH')).toBe(process.env['PATH']);
  expect((service as unknown as ConfigService).get('PATH')).toBeUndefined();
});

it('ConfigService cannot change the shared configuration', () => {
  expect(() => (service as unknown as ConfigService).set(['pool', 'size'] as never, 99)).toThrow(TypeError);
  expect(loaded.config.pool.size).toBe(3);
});

it('registering AppConfigModule does not change the environment of the process', async () => {
  const before = { ...process.env };
  await Test.createTestingModule({ imports: [AppConfigModule.register(loaded)] }).compile();
  expect({ ...process.env }).toEqual(before);
});
