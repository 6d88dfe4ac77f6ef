import { describe, expect, it } from '@jest/globals';
import type { Tenant } from '../../../../src/catalog/model/tenant.js';
import { digestOf } from '../../../../src/database/table-migrations/versions/migration-set.js';
import type { TenantSchema } from '../../../../src/database/table-migrations/tenant-schema/tenant-schema.js';
import { TenantAvailability } from '../../../../src/tenant/admission/tenant-availability.js';
import { TenantTablesBehindError } from '../../../../src/tenant/admission/admission.errors.js';
import { soon } from '../../../support/load/soon.js';

const migration = (name: string): TenantSchema['migrations'][number] =>
  class {
    readonly name = name;
    up = (): Promise<void> => Promise.resolve();
    down = (): Promise<void> => Promise.resolve();
  };

const [FIRST, SECOND, THIRD, FOURTH] = [
  ...['First1764000001000', 'Second1764000002000', 'Third1764000003000', 'Fourth1764000004000'],
] as [string, string, string, string];
const migrations = [THIRD, FIRST, SECOND].map(migration);

/** The sets of the catalog. */
const KNOWN = new Map(
  [[FIRST], [FIRST, SECOND], [FIRST, THIRD], [FIRST, SECOND, THIRD], [FIRST, SECOND, THIRD, FOURTH]].map((names) => [
    digestOf(names),
    names,
  ]),
);

async function availability(options: Partial<TenantSchema> = {}): Promise<TenantAvailability> {
  const sets = { all: () => Promise.resolve(KNOWN), find: () => Promise.resolve(undefined) };
  const served = new TenantAvailability({ entities: [], migrations, ...options }, sets);
  await served.onModuleInit();
  return served;
}

function tenantAt(schemaVersion: string | null, status: Tenant['status'] = 'active'): Tenant {
  return {
    ...{ id: 'id', slug: 'acme', status, isolation: 'row', targetId: 'target', schema: 'shared' },
    ...{ schemaVersion, migrationSet: null, limits: {}, message: null, version: 1 },
  };
}

function tenantWith(names: readonly string[]): Tenant {
  return { ...tenantAt(names.at(-1) ?? 'none'), migrationSet: digestOf(names) };
}

describe('a schema without a required version', () => {
  it.each([[[FIRST, SECOND, THIRD]], [[FIRST, SECOND, THIRD, FOURTH]]])('serves tables with %j', async (names) => {
    expect((await availability()).rejectionOf(tenantWith(names))).toBeUndefined();
  });

  it.each([[[FIRST]], [[FIRST, SECOND]], [[FIRST, THIRD]]])(
    'does not serve tables with %j, because it needs all of its migrations',
    async (names) => {
      expect((await availability()).rejectionOf(tenantWith(names))).toBeInstanceOf(TenantTablesBehindError);
    },
  );

  it.each([THIRD, FOURTH])('serves tables of which only the newest migration, %s, is known', async (version) => {
    const served = await availability();
    expect(() => served.assertServed(tenantAt(version))).not.toThrow();
  });

  it.each([SECOND, 'none', null])('does not serve tables of which only an older one, %s, is known', async (version) => {
    const served = await availability();
    expect(() => served.assertServed(tenantAt(version))).toThrow(TenantTablesBehindError);
    expect(served.rejectionOf(tenantAt(version))).toMatchObject({ code: 'TENANT_UNAVAILABLE', retryAfterSeconds: 5 });
  });

  it('reads a set that has come into the catalog since the start', async () => {
    const sets = {
      all: () => Promise.resolve(new Map()),
      find: (digest: string) => Promise.resolve(KNOWN.get(digest)),
    };
    const served = new TenantAvailability({ entities: [], migrations }, sets);
    await soon(async () =>
      expect(served.rejectionOf(tenantWith([FIRST, THIRD]))).toBeInstanceOf(TenantTablesBehindError),
    );
  });

  it('rejects a suspended tenant as suspended, whatever its tables have', async () => {
    expect((await availability()).rejectionOf(tenantAt(null, 'suspended'))).toMatchObject({ code: 'TENANT_SUSPENDED' });
  });
});

describe('a schema with a required version', () => {
  it('serves tables that have the migrations up to that version, whether they have others or not', async () => {
    const served = await availability({ requiredVersion: SECOND });
    for (const names of [
      [FIRST, SECOND],
      [FIRST, SECOND, THIRD],
    ]) {
      expect(served.rejectionOf(tenantWith(names))).toBeUndefined();
    }
    for (const names of [[FIRST], [FIRST, THIRD]]) {
      expect(served.rejectionOf(tenantWith(names))).toBeInstanceOf(TenantTablesBehindError);
    }
  });

  it('requires what the domains require, each by itself', async () => {
    const served = await availability({ requiredVersion: THIRD, requiredMigrations: [FIRST, THIRD] });
    expect(served.rejectionOf(tenantWith([FIRST, THIRD]))).toBeUndefined();
    expect(served.rejectionOf(tenantWith([FIRST, SECOND]))).toBeInstanceOf(TenantTablesBehindError);
  });
});
