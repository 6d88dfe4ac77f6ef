import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TenantConnectionService, TenantContext, TenantProvisioner, TenantryModule } from '../../../src/index.js';

let dataDir: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tenantry-embedded-host-'));
});

afterAll(async () => rm(dataDir, { recursive: true, force: true }));

it('without DATABASE_URL an application has a PostgreSQL for as long as it runs', async () => {
  const env = { NODE_ENV: 'development', DATA_DIR: dataDir, ENABLE_REDIS_CACHE: 'false' };
  @Module({ imports: [TenantryModule.forRoot({ env, controlPlane: true })] })
  class HostModule {}
  const app = await NestFactory.createApplicationContext(HostModule, {
    abortOnError: false,
    logger: ['error', 'warn'],
  });
  const pid = join(dataDir, 'postgres', 'postmaster.pid');
  try {
    await app.get(TenantProvisioner, { strict: false }).provision({ slug: 'acme', isolation: 'row' });
    const slug = await app
      .get(TenantConnectionService)
      .run('acme', async () => app.get(TenantContext).current().tenant.slug);
    expect(slug).toBe('acme');
    expect(existsSync(pid)).toBe(true);
  } finally {
    await app.close();
  }
  expect(existsSync(pid)).toBe(false);
});
