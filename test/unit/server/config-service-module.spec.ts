import { Injectable, Module } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { AppConfig } from '../../../src/platform/config/app-config.js';
import { loadConfig } from '../../../src/platform/config/load-config.js';
import { ConfigServiceModule } from '../../../src/server/config-service.module.js';
import { REQUIRED, temporaryFolders } from '../../support/config-fixture.js';

@Injectable()
class Consumer {
  constructor(readonly service: ConfigService<AppConfig, true>) {}
}

/** Imports nothing: the configuration is available to every module. */
@Module({ providers: [Consumer] })
class ConsumerModule {}

const loaded = loadConfig({ env: { ...REQUIRED, DB_POOL_SIZE: '3' }, cwd: temporaryFolders()() });
let module: TestingModule;
let service: ConfigService<AppConfig, true>;

beforeAll(async () => {
  module = await Test.createTestingModule({
    imports: [ConfigServiceModule.register(loaded.config), ConsumerModule],
  }).compile();
  ({ service } = module.get(Consumer, { strict: false }));
});
afterAll(() => module.close());

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

it('registering ConfigServiceModule does not change the environment of the process', async () => {
  const before = { ...process.env };
  await Test.createTestingModule({ imports: [ConfigServiceModule.register(loaded.config)] }).compile();
  expect({ ...process.env }).toEqual(before);
});
