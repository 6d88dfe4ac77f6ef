import { expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { TenantryModule } from '../../../src/index.js';
import { startTestTenancy } from '../../../src/testing.js';
import { asSuperuser, testServer } from '../../support/postgres/postgres.js';

@Module({ imports: [TenantryModule.forRoot()] })
class HostModule {}

it('startTestTenancy says so when the application does not receive a change of a tenant', async () => {
  const { host, port, owner, ownerPassword } = testServer();
  const databaseUrl = `postgres://${owner}:${encodeURIComponent(ownerPassword)}@${host}:${port}/tenantry`;
  const tenancy = await startTestTenancy({ module: HostModule, databaseUrl, tenants: ['acme'] });
  try {
    // Without triggers nothing announces the change.
    const catalog = new URL(process.env['DATABASE_URL'] ?? '').pathname.slice(1);
    await asSuperuser(catalog, 'SET session_replication_role = replica; UPDATE tenants SET version = version + 1');
    await expect(tenancy.reset()).rejects.toMatchObject({
      code: 'TEST_TENANT_OUTDATED',
      message: expect.stringContaining('acme'),
    });
  } finally {
    await tenancy.stop();
  }
});
