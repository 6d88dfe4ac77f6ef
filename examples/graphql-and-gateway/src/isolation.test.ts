import { after, before, describe } from 'node:test';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { describeTenantIsolation, startTestTenancy, type TestTenancy } from 'tenantry/testing';
import { AppModule } from './app.module.js';

/** Not tried by the check: what the README shows tries them. */
const handlers = { 'message BoardsGateway.cards': 'tenant', 'message BoardsGateway.finish': 'tenant' } as const;

describe('the boards', () => {
  let tenancy: TestTenancy;

  before(async () => {
    tenancy = await startTestTenancy({ module: AppModule, adapter: new FastifyAdapter(), tenants: [] });
  });
  after(() => tenancy.stop());

  describeTenantIsolation(() => tenancy.app, { classify: { handlers } });
});
