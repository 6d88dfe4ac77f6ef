import { describe, expect, it } from '@jest/globals';
import type { Tenant } from '../../../../src/catalog/model/tenant.js';
import type { TenantSchema } from '../../../../src/database/table-migrations/tenant-schema.js';
import { TenantAvailability } from '../../../../src/tenant/admission/tenant-availability.js';
import { TenantTablesBehindError } from '../../../../src/tenant/admission/admission.errors.js';

const migration = (name: string): TenantSchema['migrations'][number] =>
  class {
    readonly name = name;
    up = (): Promise<void> => Promise.resolve();
    down = (): Promise<void> => Promise.resolve();
  };

const migrations = ['Third1764000003000', 'First1764000001000', 'Second1764000002000'].map(migration);

function tenantAt(schemaVersion: string | null, status: Tenant['status'] = 'active'): Tenant {
  return {
    ...{ id: 'id', slug: 'acme', status, isolation: 'row', targetId: 'target', schema: 'shared' },
    ...{ schemaVersion, limits: {}, message: null, version: 1 },
  };
}

describe('a schema without a required version', () => {
  const served = new TenantAvailability({ entities: [], migrations });

  it.each(['Third1764000003000', 'Fourth1764000004000'])('serves tenants whose tables are at %s', (version) => {
    expect(() => served.assertServed(tenantAt(version))).not.toThrow();
  });

  it.each(['Second1764000002000', 'none', null])(
    'does not serve tenants whose tables are at %s, because it needs its newest migration',
    (version) => {
      expect(() => served.assertServed(tenantAt(version))).toThrow(TenantTablesBehindError);
      expect(served.rejectionOf(tenantAt(version))).toMatchObject({ code: 'TENANT_UNAVAILABLE', retryAfterSeconds: 5 });
    },
  );

  it('rejects a suspended tenant as suspended, whatever the version of its tables', () => {
    expect(served.rejectionOf(tenantAt(null, 'suspended'))).toMatchObject({ code: 'TENANT_SUSPENDED' });
  });
});

it('a schema with a required version serves tables at that version or a newer one only', () => {
  const served = new TenantAvailability({ entities: [], migrations, requiredVersion: 'Second1764000002000' });
  expect(served.rejectionOf(tenantAt('Second1764000002000'))).toBeUndefined();
  expect(served.rejectionOf(tenantAt('First1764000001000'))).toBeInstanceOf(TenantTablesBehindError);
});
