import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ProvisionKind } from '../../../../src/admin/provisioning/provision.kind.js';
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
        IF NEW.kind = 'dedicated' AND EXISTS (SELECT FROM tenants WHERE slug = 'stranger' AND status = 'provisioning')
          THEN EXECUTE format('CREATE ROLE %I LOGIN', NEW.role); END IF;
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

  it.each(['schema', 'database'] as const)(
    'names no tenant where other tenants can read it (%s)',
    async (isolation) => {
      const slug = `hidden-${isolation}`;
      const { id, schema } = await provisioner.provision({ slug, isolation });
      const [target] = await app.database.admin<{ database: string; role: string }>(
        'SELECT database, role FROM connection_targets c JOIN tenants t ON t.target_id = c.id WHERE t.id = $1',
        [id],
      );
      const names = await asSuperuser<{ name: string }>(
        target?.database ?? '',
        `SELECT datname AS name FROM pg_database UNION ALL SELECT rolname FROM pg_roles UNION ALL SELECT nspname FROM pg_namespace
       UNION ALL SELECT description FROM pg_shdescription`,
      );
      expect(names.filter(({ name }) => /hidden/.test(name))).toEqual([]);
      const hex = id.replaceAll('-', '');
      if (isolation === 'schema') expect(schema).toBe(`t_${hex}`);
      else expect(target).toEqual({ database: `${app.database.name}_${hex}`, role: `${app.database.name}_${hex}` });
    },
  );

  it('keeps the names that a former version recorded for a tenant, also when its provisioning is retried', async () => {
    const { id } = await provisioner.provision({ slug: 'older', isolation: 'schema' });
    const { nest } = app.application;
    await app.database.admin(
      `UPDATE tenants SET schema_name = 't_older_0123abcd', schema_version = NULL, status = 'provisioning' WHERE id = $1`,
      [id],
    );
    const [operation] = await app.database.admin<{ id: string; input: unknown; state: unknown }>(
      `SELECT id, input, state FROM operations WHERE kind = 'provision' AND subject = 'older'`,
    );
    const [choose] = nest.get(ProvisionKind).steps;
    await choose?.run({ ...operation, tenantId: id } as never);
    expect(await app.database.admin('SELECT schema_name AS schema FROM tenants WHERE id = $1', [id])).toEqual([
      { schema: 't_older_0123abcd' },
    ]);
  });

  it('copies nothing from template1, which may hold what was not made for tenants', async () => {
    await asSuperuser('template1', 'CREATE TABLE public.in_the_template (id int)');
    try {
      const { targetId } = await provisioner.provision({ slug: 'plain', isolation: 'database' });
      const [target] = await app.database.admin<{ database: string }>(
        'SELECT database FROM connection_targets WHERE id = $1',
        [targetId],
      );
      expect(
        await asSuperuser(target?.database ?? '', `SELECT to_regclass('public.in_the_template') IS NULL AS plain`),
      ).toEqual([{ plain: true }]);
    } finally {
      await asSuperuser('template1', 'DROP TABLE public.in_the_template');
    }
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
