import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { Isolation } from '../../../src/catalog/tenant.js';
import { PROVISIONING_STEPS } from '../../../src/control-plane/provisioning/provisioning-step.js';
import { TenantProvisioner } from '../../../src/control-plane/provisioning/tenant-provisioner.js';
import { TestApp } from '../../support/test-app.js';

const ISOLATIONS: readonly Isolation[] = ['row', 'schema', 'database'];

let app: TestApp;
let provisioner: TenantProvisioner;

beforeAll(async () => {
  app = await TestApp.start();
  provisioner = app.application.nest.get(TenantProvisioner);
});

afterAll(async () => app.dispose());

class Crash extends Error {}

describe.each(ISOLATIONS)('provisioning a tenant (%s)', (isolation) => {
  it.each([...PROVISIONING_STEPS, 'done' as const])('completes after a crash before "%s"', async (crashAt) => {
    const slug = `t${randomUUID().slice(0, 8)}`;
    const crashed = provisioner.provision({ slug, isolation }, (step) => {
      if (step === crashAt) throw new Crash();
    });
    await expect(crashed).rejects.toBeInstanceOf(Crash);

    const tenant = await provisioner.provision({ slug, isolation });

    expect(tenant).toMatchObject({ slug, isolation, status: 'active' });
    expect(await app.database.admin('SELECT id FROM tenants WHERE slug = $1', [slug])).toEqual([{ id: tenant.id }]);
    const apiKey = await app.issueKey(tenant);
    const created = await app.call('/api/v1/customers', {
      method: 'POST',
      apiKey,
      body: { name: 'First', email: 'first@example.com' },
    });
    expect(created.status).toBe(201);
  });
});

describe('provisioning', () => {
  it('makes one tenant and one database when asked for the same one several times at once', async () => {
    const asked = Array.from({ length: 4 }, () => provisioner.provision({ slug: 'same', isolation: 'database' }));
    const tenants = await Promise.all(asked);
    expect(new Set(tenants.map(({ id }) => id)).size).toBe(1);
    const targets = await app.database.admin(
      `SELECT database FROM connection_targets JOIN tenants ON target_id = connection_targets.id WHERE slug = 'same'`,
    );
    expect(targets).toHaveLength(1);
  });

  it('refuses a slug that is taken with another isolation, and slugs that are no free DNS label', async () => {
    await provisioner.provision({ slug: 'taken', isolation: 'row' });
    await expect(provisioner.provision({ slug: 'taken', isolation: 'schema' })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    for (const slug of ['', 'WWW', 'www', "x'; DROP TABLE tenants; --", 'a'.repeat(64)]) {
      await expect(provisioner.provision({ slug, isolation: 'row' })).rejects.toMatchObject({
        code: 'VALIDATION_FAILED',
      });
    }
  });

  it("never takes over a stranger's database or login role", async () => {
    const [base] = await app.database.admin<{ name: string }>('SELECT current_database() AS name');
    const crashed = provisioner.provision({ slug: 'stranger', isolation: 'database' }, (step) => {
      if (step === 'create-role') throw new Crash();
    });
    await expect(crashed).rejects.toBeInstanceOf(Crash);
    const [target] = await app.database.admin<{ role: string }>(
      `SELECT role FROM connection_targets WHERE role LIKE '${base?.name}_stranger_%'`,
    );
    await app.database.admin(`CREATE ROLE "${target?.role}" LOGIN`);
    await expect(provisioner.provision({ slug: 'stranger', isolation: 'database' })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    await app.database.admin(`DROP ROLE "${target?.role}"`);
  });

  it('gives the login role no more than the rows of its tables', async () => {
    const tenant = await provisioner.provision({ slug: 'least', isolation: 'database' });
    const [role] = await app.database.admin<Record<string, unknown>>(
      `SELECT rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolinherit, rolreplication
       FROM pg_roles JOIN connection_targets ON role = rolname WHERE connection_targets.id = $1`,
      [tenant.targetId],
    );
    expect(Object.values(role ?? {})).toEqual(Array(6).fill(false));
  });
});
