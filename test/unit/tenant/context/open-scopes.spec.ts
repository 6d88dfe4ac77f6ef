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
  it('is there at once when it was asked for before, and the same', async () => {
    expect(service.openScope(ACME)).toBeUndefined();
    const scope = await service.scope(ACME);
    expect(service.openScope(ACME)).toBe(scope);
  });

  it('is asked for again once the tenant has changed', async () => {
    await service.scope(ACME);
    expect(service.openScope({ ...ACME })).toBeUndefined();
  });

  it('is asked for again once its target has changed, with a data source of its own', async () => {
    const before = await service.scope(ACME);
    target = { id: 'target', version: '2' };
    expect(service.openScope(ACME)).toBeUndefined();
    expect((await service.scope(ACME)).dataSource).not.toBe(before.dataSource);
  });

  it('keeps its data source when its target was only read anew, and is there at once again', async () => {
    const before = await service.scope(ACME);
    target = { ...target };
    expect(service.openScope(ACME)).toBeUndefined();
    const after = await service.scope(ACME);
    expect(after.dataSource).toBe(before.dataSource);
    expect(service.openScope(ACME)).toBe(after);
  });
});
