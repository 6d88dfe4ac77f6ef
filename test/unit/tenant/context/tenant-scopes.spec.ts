import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Tenant } from '../../../../src/catalog/model/tenant.js';
import { TenantConnectionService } from '../../../../src/tenant/context/tenant-connection.service.js';

const ACME = { id: 'acme', targetId: 'target', schema: 'public', limits: {} } as unknown as Tenant;

let target: { id: string; version: string };
let service: TenantConnectionService;
let created: number;

beforeEach(() => {
  target = { id: 'target', version: '1' };
  created = 0;
  const lookup = { target: async () => target, peek: () => target };
  const dataSources = { create: () => ({ number: ++created }) };
  service = new TenantConnectionService(
    ...([{ cache: { memoryMaxEntries: 10 } }, dataSources, {}, lookup, {}, {}] as unknown as ConstructorParameters<
      typeof TenantConnectionService
    >),
  );
});

describe('the scope of a tenant', () => {
  it('is available synchronously after it was opened, and is the same object', async () => {
    expect(service.openScope(ACME)).toBeUndefined();
    const scope = await service.scope(ACME);
    expect(service.openScope(ACME)).toBe(scope);
  });

  it('is opened again once the tenant has changed', async () => {
    await service.scope(ACME);
    expect(service.openScope({ ...ACME })).toBeUndefined();
  });

  it('is opened again once its target has changed, with a new data source', async () => {
    const before = await service.scope(ACME);
    target = { id: 'target', version: '2' };
    expect(service.openScope(ACME)).toBeUndefined();
    expect((await service.scope(ACME)).dataSource).not.toBe(before.dataSource);
  });

  it('keeps its data source when its unchanged target was reloaded', async () => {
    const before = await service.scope(ACME);
    target = { ...target };
    expect(service.openScope(ACME)).toBeUndefined();
    const after = await service.scope(ACME);
    expect(after.dataSource).toBe(before.dataSource);
    expect(service.openScope(ACME)).toBe(after);
  });
});
