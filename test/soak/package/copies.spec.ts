import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { HostApplication } from '../../support/host/host-application.js';

const classes = async () => ({
  ...(await import('../../../src/tenant/context/tenant-connection.service.js')),
  ...(await import('../../../src/tenant/context/tenant-context.js')),
  ...(await import('../../../src/tenant/tenant.module.js')),
});

let one: Awaited<ReturnType<typeof classes>>;
let other: typeof one;
let app: HostApplication;

beforeAll(async () => {
  one = await classes();
  jest.resetModules();
  other = await classes();
  // Without modules that are imported on demand: they would come from the other copy, as NestJS does.
  app = await HostApplication.start({ adapter: 'express', tenantry: { controlPlane: false } });
});

afterAll(async () => app.dispose());

it('what another copy of the package injects by its classes is what this one provides', () => {
  for (const name of ['TenantConnectionService', 'TenantContext'] as const) {
    expect(other[name]).not.toBe(one[name]);
    const provided: object = app.nest.get(one[name], { strict: false });
    expect(app.nest.get(other[name], { strict: false })).toBe(provided);
  }
});
