import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { DataSource } from 'typeorm';

/** The modules of this package whose state the process has once, as one copy of it loads them. */
async function loadCopy() {
  return {
    ...(await import('../../../src/platform/context.js')),
    ...(await import('../../../src/platform/config/app-config.js')),
    ...(await import('../../../src/platform/config/load-config.js')),
    ...(await import('../../../src/platform/errors/coded-error.js')),
    ...(await import('../../../src/cache/contract/cache.js')),
    ...(await import('../../../src/catalog/catalog-data-source.js')),
    ...(await import('../../../src/catalog/catalog-target.js')),
    ...(await import('../../../src/database/connection/exposing-objects.js')),
    ...(await import('../../../src/database/data-source/entity-owners.js')),
    ...(await import('../../../src/database/pool/pool.errors.js')),
    ...(await import('../../../src/database/table-migrations/tenant-schema/tenant-schema.js')),
    ...(await import('../../../src/tenant/access/access.js')),
    ...(await import('../../../src/tenant/context/inject-tenant-repository.decorator.js')),
    ...(await import('../../../src/tenant/context/tenant-context.js')),
    ...(await import('../../../src/tracing/tracing.js')),
  };
}

type Copy = Awaited<ReturnType<typeof loadCopy>>;

let one: Copy;
let other: Copy;

beforeAll(async () => {
  one = await loadCopy();
  jest.resetModules();
  other = await loadCopy();
});

const scope = {
  tenant: { id: 'a' } as never,
  dataSource: {} as DataSource,
  settings: {} as never,
  features: {} as never,
  limits: {},
};

describe('two copies of the package in one process', () => {
  it('are two', () => {
    expect(other.runInContext).not.toBe(one.runInContext);
    expect(other.TenantContext).not.toBe(one.TenantContext);
  });

  it('have one context of the current call', () => {
    const context = { tenantId: 'a' };
    expect(one.runInContext(context, () => other.currentContext())).toBe(context);
  });

  it('have the same injection tokens and metadata keys', () => {
    const tokens = ['APP_CONFIG', 'CONFIG_SOURCES', 'CACHE', 'CATALOG', 'CATALOG_TARGET'] as const;
    const more = ['DEFAULT_SERVER_ADDRESS', 'TRUSTED_FUNCTIONS', 'TENANT_SCHEMA', 'ACCESS'] as const;
    for (const token of [...tokens, ...more]) expect(other[token]).toBe(one[token]);
    class Order {}
    expect(other.tenantRepositoryToken(Order)).toBe(one.tenantRepositoryToken(Order));
    expect(one.tenantRepositoryToken(class Order {})).not.toBe(one.tenantRepositoryToken(Order));
  });

  it('know the same owners of entities', () => {
    const metadata = { name: 'Order', relations: [], extractRelationValuesFromEntity: () => [] };
    const entityMetadata = { ...metadata, findInheritanceMetadata: () => metadata } as never;
    const entity = {};
    one.rememberOwner(entity, 'a');
    other.assertOwned(entityMetadata, entity, 'a');
    expect(() => other.assertOwned(entityMetadata, entity, 'b')).toThrow(
      expect.objectContaining({ code: 'WRONG_TENANT' }),
    );
  });

  it('know the same tracing', () => {
    const tracing = { within: <T>(_: unknown, work: () => Promise<T>) => work(), annotate: () => undefined };
    one.useTracing(tracing);
    expect(other.currentTracing()).toBe(tracing);
    one.useTracing(undefined);
    expect(other.currentTracing()).toBeUndefined();
  });

  it("recognise each other's errors by their class", () => {
    const error = new one.TenantBusyError(1, 1);
    expect(error).toBeInstanceOf(other.TenantBusyError);
    expect(error).toBeInstanceOf(other.CodedError);
    expect(error).not.toBeInstanceOf(other.PoolEndedError);
    class TenantBusyError extends Error {}
    for (const foreign of [new TenantBusyError(), new Error('x'), null, undefined, 'x', Object.create(null)]) {
      expect(foreign instanceof other.TenantBusyError).toBe(false);
      expect(foreign instanceof other.CodedError).toBe(false);
    }
  });

  it('do not mix the contexts of two applications', () => {
    const [first, second] = [new one.TenantContext({} as never), new one.TenantContext({} as never)];
    expect(first.run(scope, () => first.current())).toBe(scope);
    expect(() => first.run(scope, () => second.current())).toThrow(
      expect.objectContaining({ code: 'NO_TENANT_CONTEXT' }),
    );
  });
});
