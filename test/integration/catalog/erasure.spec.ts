import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { openCatalog } from '../../../src/catalog/catalog-data-source.js';
import { targetOfUrl } from '../../../src/database/connection/connection-target.js';
import { mentions } from '../../support/admin/mentions.js';
import { POOL_OPTIONS } from '../../support/pool/test-pool.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';

let database: TestDatabase;
let catalog: DataSource;

beforeAll(async () => {
  database = await createTestDatabase('catalog');
  catalog = await open();
});

afterAll(async () => {
  await catalog.destroy();
  await database.drop();
});

function open(): Promise<DataSource> {
  return openCatalog(targetOfUrl(database.url, 'default'), POOL_OPTIONS);
}

/** A tenant with an API key, and the records of both, as any release writes them. */
async function insert(slug: string): Promise<string> {
  const id = randomUUID();
  await catalog.query(`INSERT INTO tenants (id, slug, isolation) VALUES ($1, $2, 'row')`, [id, slug]);
  await catalog.query(`INSERT INTO api_keys (id, tenant_id, secret_hash) VALUES ($1, $2, '')`, [`key-${id}`, id]);
  await record('tenant.create', 'tenant', id, slug);
  await record('api-key.issue', 'api-key', `key-${id}`, slug);
  await catalog.query(
    `INSERT INTO operations (kind, status, tenant_id, subject, steps, created_by)
     VALUES ('provision', 'succeeded', $1, $2, '{}', 'test')`,
    [id, slug],
  );
  return id;
}

async function record(action: string, kind: string, id: string, slug: string): Promise<void> {
  await catalog.query(
    `INSERT INTO audit_log (actor, action, subject_kind, subject_id, subject, after)
     VALUES ('test', $1, $2, $3, $4, jsonb_build_object('slug', $4::text))`,
    [action, kind, id, slug],
  );
}

/** The deletion as releases before the erasure do it. */
async function removeAsBefore(id: string, slug: string): Promise<void> {
  await catalog.transaction(async (manager) => {
    await manager.query('DELETE FROM tenants WHERE id = $1', [id]);
    await manager.query(
      `INSERT INTO audit_log (actor, action, subject_kind, subject_id, subject)
       VALUES ('tenantry', 'tenant.removed', 'tenant', $1, $2)`,
      [id, slug],
    );
  });
}

const subjectsOf = (id: string): Promise<{ subject: string }[]> =>
  catalog.query(
    `SELECT DISTINCT subject FROM audit_log WHERE subject_id IN ($1, 'key-' || $1)
     UNION SELECT subject FROM operations WHERE tenant_id::text = $1`,
    [id],
  );

const pseudonymOf = (id: string): string => `deleted-${id.slice(0, 8)}`;

describe('the erasure of a tenant', () => {
  it('happens also when a client deletes it that knows nothing of erasure', async () => {
    const id = await insert('by-former');
    await removeAsBefore(id, 'by-former');
    expect(await mentions(database, 'by-former')).toEqual([]);
    expect(await subjectsOf(id)).toEqual([{ subject: pseudonymOf(id) }]);
  });

  it('does not happen when the deletion is rolled back', async () => {
    const id = await insert('rolled-back');
    const undone = catalog.transaction(async (manager) => {
      await manager.query('DELETE FROM tenants WHERE id = $1', [id]);
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await subjectsOf(id)).toEqual([{ subject: 'rolled-back' }]);
  });

  it('happens to many at once that are named in the same records', async () => {
    const slugs = Array.from({ length: 12 }, (_, index) => `at-once-${index}`);
    const ids = await Promise.all(slugs.map(insert));
    for (const tenants of [slugs, slugs.toReversed()]) {
      await catalog.query(
        `INSERT INTO operations (kind, status, subject, steps, created_by, input)
         VALUES ('migrate', 'failed', 'fleet', '{}', 'test', $1)`,
        [{ tenants }],
      );
    }
    await Promise.all(ids.map((id, index) => removeAsBefore(id, slugs[index] ?? '')));
    expect(await mentions(database, 'at-once')).toEqual([]);
  });

  it('leaves other fields alone when the slug is one of their values', async () => {
    const id = await insert('active');
    await catalog.query(
      `INSERT INTO audit_log (actor, action, subject_kind, subject_id, subject, before, after)
       VALUES ('active', 'tenant.suspend', 'tenant', $1, 'active', '{"status": "active"}', '{"status": "suspended"}')`,
      [id],
    );
    await removeAsBefore(id, 'active');
    const [entry] = await database.admin(`SELECT actor, before FROM audit_log WHERE action = 'tenant.suspend'`);
    expect(entry).toEqual({ actor: 'active', before: { status: 'active' } });
  });

  it('of tenants that were deleted before is done by the migration, and leaves a living successor alone', async () => {
    await catalog.undoLastMigration();
    const first = await insert('reused');
    await removeAsBefore(first, 'reused');
    const second = await insert('reused');
    await removeAsBefore(second, 'reused');
    const living = await insert('reused');
    await catalog.destroy();
    catalog = await open();
    expect(await subjectsOf(first)).toEqual([{ subject: pseudonymOf(first) }]);
    expect(await subjectsOf(second)).toEqual([{ subject: pseudonymOf(second) }]);
    expect(await subjectsOf(living)).toEqual([{ subject: 'reused' }]);
  });
});

describe('the audit log, which an erasure changes,', () => {
  let deleted: string;
  let living: string;

  beforeAll(async () => {
    [deleted, living] = [await insert('deleted'), await insert('living')];
    await removeAsBefore(deleted, 'deleted');
  });

  it.each([
    `UPDATE audit_log SET subject = 'x' WHERE subject_id = $1`,
    `UPDATE audit_log SET after = NULL WHERE subject_id = $1`,
    `UPDATE audit_log SET subject = subject WHERE subject_id = $1`,
    `UPDATE audit_log SET actor = 'x' WHERE subject_id = $1`,
    `DELETE FROM audit_log WHERE subject_id = $1`,
  ])('refuses to clients: %s', async (statement) => {
    for (const id of [deleted, living, `key-${deleted}`]) {
      await expect(database.admin(statement, [id])).rejects.toThrow('the audit log is only ever added to');
    }
  });

  it('cannot be emptied', async () => {
    await expect(database.admin('TRUNCATE audit_log')).rejects.toThrow('the audit log is only ever added to');
  });

  it.each([
    ['the records of a tenant that exists', `UPDATE audit_log SET subject = 'x' WHERE subject = 'living'`],
    ['the records of servers', `UPDATE audit_log SET subject = 'x' WHERE subject_kind = 'server'`],
    ['who did what', `UPDATE audit_log SET actor = 'x' WHERE action = 'tenant.removed'`],
    ['times', `UPDATE audit_log SET at = at - interval '1 day' WHERE action = 'tenant.removed'`],
    ['whole entries', `DELETE FROM audit_log WHERE action = 'tenant.removed'`],
  ])('refuses to other triggers too: %s', async (_what, statement) => {
    await record('server.add', 'server', randomUUID(), 'eu-2');
    await database.admin(`
      CREATE TABLE probe (n int);
      CREATE FUNCTION probe() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${statement}; RETURN NULL; END $$;
      CREATE TRIGGER probe AFTER INSERT ON probe FOR EACH ROW EXECUTE FUNCTION probe();`);
    await expect(database.admin('INSERT INTO probe VALUES (1)')).rejects.toThrow('the audit log is only ever added to');
    await database.admin('DROP TABLE probe; DROP FUNCTION probe');
  });
});
