import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TenantProvisioner } from '../../../../src/admin/tenants/tenant-provisioner.js';
import { asSuperuser } from '../../../support/postgres/postgres.js';
import { TestApp } from '../../../support/test-app.js';

let app: TestApp;
let provisioner: TenantProvisioner;

beforeAll(async () => {
  app = await TestApp.start();
  provisioner = app.application.nest.get(TenantProvisioner);
});

afterAll(async () => app.dispose());

describe('provisioning', () => {
  it('creates one tenant and one database for several simultaneous requests for the same one', async () => {
    const asked = Array.from({ length: 4 }, () => provisioner.provision({ slug: 'same', isolation: 'database' }));
    const tenants = await Promise.all(asked);
    expect(new Set(tenants.map(({ id }) => id)).size).toBe(1);
    const targets = await app.database.admin(
      `SELECT database FROM connection_targets JOIN tenants ON target_id = connection_targets.id WHERE slug = 'same'`,
    );
    expect(targets).toHaveLength(1);
  });

  it('rejects a slug taken with another isolation, and slugs that are no available DNS label', async () => {
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

  it('never takes over a foreign login role', async () => {
    // Another role takes the name between the choice of the name and the creation of the role.
    await app.database.admin(`CREATE FUNCTION stranger() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF NEW.database LIKE '%_stranger_%' THEN EXECUTE format('CREATE ROLE %I LOGIN', NEW.role); END IF;
        RETURN NEW;
      END $$`);
    await app.database.admin(
      'CREATE TRIGGER stranger AFTER INSERT ON connection_targets FOR EACH ROW EXECUTE FUNCTION stranger()',
    );
    await expect(provisioner.provision({ slug: 'stranger', isolation: 'database' })).rejects.toMatchObject({
      reason: 'CONFLICT',
    });
    expect(await app.database.admin("SELECT status FROM tenants WHERE slug = 'stranger'")).toEqual([
      { status: 'failed' },
    ]);
  });

  it('gives the login role access to the rows of its tables and nothing else', async () => {
    const tenant = await provisioner.provision({ slug: 'least', isolation: 'database' });
    const [role] = await app.database.admin<Record<string, unknown>>(
      `SELECT rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolinherit, rolreplication
       FROM pg_roles JOIN connection_targets ON role = rolname WHERE connection_targets.id = $1`,
      [tenant.targetId],
    );
    expect(Object.values(role ?? {})).toEqual(Array(6).fill(false));
  });

  it("leaves other tenants' tables unchanged: the fleet migration decides when they change", async () => {
    const first = await provisioner.provision({ slug: 'first-row', isolation: 'row' });
    const [place] = await app.database.admin<{ database: string; version: string }>(
      `SELECT c.database, t.schema_version AS version FROM tenants t JOIN connection_targets c ON c.id = t.target_id
       WHERE t.id = $1`,
      [first.id],
    );
    const { database, version } = place as { database: string; version: string };
    // As if the newest migration had come with newer code, and the fleet were not migrated yet.
    await asSuperuser(database, 'DELETE FROM shared.schema_migrations WHERE name = $1', [version]);
    const before = 'CreateCustomers1764000000000';
    await app.database.admin("UPDATE tenants SET schema_version = $1 WHERE isolation = 'row'", [before]);

    expect(await provisioner.provision({ slug: 'second-row', isolation: 'row' })).toMatchObject({
      ...{ status: 'active', schemaVersion: before },
    });
    expect(await asSuperuser(database, 'SELECT FROM shared.schema_migrations WHERE name = $1', [version])).toEqual([]);
  });
});
