import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Tenant } from '../../../../src/catalog/model/tenant.js';
import type { ConnectionTarget } from '../../../../src/database/connection/connection-target.js';
import { Shutdown } from '../../../../src/platform/shutdown/shutdown.js';
import { TenantConnectionService } from '../../../../src/tenant/context/tenant-connection.service.js';

const ACME = { id: 'acme', targetId: 'target', schema: 'public', limits: {} } as unknown as Tenant;

const TARGET: ConnectionTarget = {
  ...{ id: 'target', version: '1', shared: false, database: 'acme', role: 'acme', password: 'one' },
  server: { id: 'default', host: '127.0.0.1', port: 5432, tls: 'disable' },
};

let target: ConnectionTarget;
let service: TenantConnectionService;
let created: number;

beforeEach(() => {
  target = TARGET;
  created = 0;
  const lookup = { target: async () => target, peek: () => target };
  const dataSources = { create: () => ({ number: ++created }) };
  service = new TenantConnectionService(
    ...([
      { cache: { memoryMaxEntries: 10 }, pool: { timeoutMs: 1_000 } },
      dataSources,
      {},
      lookup,
      {},
      {},
      new Shutdown(1_000),
    ] as unknown as ConstructorParameters<typeof TenantConnectionService>),
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
    target = { ...TARGET, version: '2' };
    expect(service.openScope(ACME)).toBeUndefined();
    expect((await service.scope(ACME)).dataSource).not.toBe(before.dataSource);
  });

  it('has another data source once its login has changed, also when the catalog gives the same version again', async () => {
    const before = await service.scope(ACME);
    target = { ...TARGET, role: 'acme_rotated', password: 'two' };
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
