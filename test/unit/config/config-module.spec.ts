import { Injectable, Module } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { APP_CONFIG, type AppConfig } from '../../../src/config/app-config.js';
import { AppConfigModule } from '../../../src/config/config.module.js';
import { CONFIG_SOURCES, loadConfig } from '../../../src/config/load-config.js';
import { REQUIRED, temporaryFolders } from './config-fixture.js';

@Injectable()
class Consumer {
  constructor(readonly service: ConfigService<AppConfig, true>) {}
}

/** Imports nothing: the configuration is there for every module. */
@Module({ providers: [Consumer] })
class ConsumerModule {}

const loaded = loadConfig({ env: { ...REQUIRED, DB_POOL_SIZE: '3' }, cwd: temporaryFolders()() });
let module: TestingModule;
let service: ConfigService<AppConfig, true>;

beforeAll(async () => {
  module = await Test.createTestingModule({ imports: [AppConfigModule.register(loaded), ConsumerModule] }).compile();
  service = module.get(Consumer, { strict: false }).service;
});
afterAll(() => module.close());

test('the typed object and its sources are provided as they were loaded', () => {
  expect(module.get(APP_CONFIG, { strict: false })).toBe(loaded.config);
  expect(module.get(CONFIG_SOURCES, { strict: false })).toBe(loaded.sources);
});

test('ConfigService finds the same values by path, and the very same frozen groups', () => {
  expect(service.get('pool.size', { infer: true })).toBe(3);
  expect(service.get('environment', { infer: true })).toBe('development');
  expect(service.get('security', { infer: true })).toBe(loaded.config.security);
});

test('ConfigService answers nothing from the environment, which nobody has validated', () => {
  expect(process.env['PATH']).toEqual(expect.any(String));
  expect(new ConfigService().get('PATH')).toBe(process.env['PATH']);
  expect((service as unknown as ConfigService).get('PATH')).toBeUndefined();
});

test('ConfigService cannot change what others hold', () => {
  expect(() => (service as unknown as ConfigService).set(['pool', 'size'] as never, 99)).toThrow(TypeError);
  expect(loaded.config.pool.size).toBe(3);
});

test('registering leaves the environment of the process alone', async () => {
  const before = { ...process.env };
  await Test.createTestingModule({ imports: [AppConfigModule.register(loaded)] }).compile();
  expect({ ...process.env }).toEqual(before);
});
