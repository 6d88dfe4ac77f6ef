import { beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { type Plan, toPlan } from '../../../../src/catalog/model/plan.js';
import type { Tenant } from '../../../../src/catalog/model/tenant.js';
import type { ConnectionTarget } from '../../../../src/database/connection/connection-target.js';
import { Shutdown } from '../../../../src/platform/shutdown/shutdown.js';
import { SettingsReader } from '../../../../src/tenant/settings/settings-reader.js';
import { TenantConnectionService } from '../../../../src/tenant/context/tenant-connection.service.js';

const ACME = { id: 'acme', targetId: 'target', schema: 'public', limits: {} } as unknown as Tenant;

const TARGET: ConnectionTarget = {
  ...{ id: 'target', version: '1', shared: false, database: 'acme', role: 'acme', password: 'one' },
  server: { id: 'default', host: '127.0.0.1', port: 5432, tls: 'disable' },
};

let target: ConnectionTarget;
let service: TenantConnectionService;
let created: number;
let plan: Plan | undefined;
let plans: object;
let limits: object;

const proPlan = (values: object): Plan =>
  toPlan({ name: 'pro', version: 1, settings: {}, features: {}, limits: {}, ...values });

beforeEach(() => {
  target = TARGET;
  created = 0;
  plan = undefined;
  plans = { isCurrent: true, find: () => plan, findCurrent: async () => plan };
  const lookup = { target: async () => target, peek: () => target };
  const create = (placement: { limits: object }): object => {
    limits = placement.limits;
    return { number: ++created };
  };
  const dataSources = { create };
  service = new TenantConnectionService(
    ...([
      { cache: { memoryMaxEntries: 10 }, pool: { timeoutMs: 1_000 } },
      dataSources,
      {},
      lookup,
      {},
      {},
      new Shutdown(1_000),
      ...[{}, {}, {}],
      new SettingsReader({ settings: { lines: z.int().default(100) } }, { tenantFeatures: {} }, plans as never),
      {},
      { growthOf: () => undefined },
      { count: () => 1 },
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

  it('is opened again once its plan has changed, with the data source that it has', async () => {
    const tenant = { ...ACME, plan: 'pro' };
    plan = proPlan({ settings: { lines: 5 } });
    const before = await service.scope(tenant);
    expect(service.openScope(tenant)).toBe(before);
    plan = proPlan({ settings: { lines: 6 } });
    expect(service.openScope(tenant)).toBeUndefined();
    const after = await service.scope(tenant);
    expect([before.settings, after.settings]).toEqual([{ lines: 5 }, { lines: 6 }]);
    expect([after.dataSource === before.dataSource, service.openScope(tenant) === after]).toEqual([true, true]);
  });

  it("has the plan's limits, where the tenant has none", async () => {
    const limited = { ...ACME, plan: 'pro', limits: { maxQueuedStatements: 9 } };
    plan = proPlan({ limits: { maxConcurrentStatements: 3, maxQueuedStatements: 5 } });
    await service.scope(limited);
    expect(limits).toEqual({ maxConcurrentStatements: 3, maxQueuedStatements: 9 });
    plan = proPlan({ limits: { maxConcurrentStatements: 4 } });
    const before = created;
    await service.scope(limited);
    expect([limits, created]).toEqual([{ maxConcurrentStatements: 4, maxQueuedStatements: 9 }, before + 1]);
  });

  it('has settings that were computed once for each version of the tenant', async () => {
    const first = (await service.scope(ACME)).settings;
    expect((await service.scope(ACME)).settings).toBe(first);
    expect((await service.scope({ ...ACME, settings: { lines: 3 } })).settings).toEqual({ lines: 3 });
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
