import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type pg from 'pg';
import type { DataSource } from 'typeorm';
import { ScratchTables } from '../../../src/admin/archives/scratch-tables.js';
import { BackupKind } from '../../../src/admin/backups/backup.kind.js';
import { BackupTimes } from '../../../src/admin/backups/backup-times.js';
import { CATALOG } from '../../../src/catalog/catalog-data-source.js';
import { TenantEntity, toTenant } from '../../../src/catalog/entities/tenant.entity.js';
import { overdueTenants } from '../../../src/catalog/backup-ages.js';
import { soon } from '../../support/load/soon.js';
import { backupDrillsCheck } from '../../../src/doctor/checks/backups/backup-drills.js';
import { BackupRetention } from '../../../src/admin/backups/backup-retention.js';
import type { OperationRun } from '../../../src/operations/operation-kind.js';
import { AdminClient } from '../../support/admin/admin-client.js';
import { asSuperuser } from '../../support/postgres/postgres.js';
import { type Json, TestApp, type TestTenant } from '../../support/test-app.js';

let folder: string;
let app: TestApp;
let admin: AdminClient;
let acme: TestTenant;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-store-'));
  const scheduled = { BACKUP_EVERY: '0 * * * *', ENABLE_TENANT_CRON: 'false' };
  app = await TestApp.start({ BACKUP_URL: pathToFileURL(folder).href, ...scheduled });
  admin = new AdminClient(app);
  acme = await app.provision('acme', 'row');
  await app.provision('hooli', 'schema');
  for (const name of ['one', 'two', 'three']) {
    const body = { name, email: `${name}@example.com` };
    await app.call('/api/v1/customers', { method: 'POST', apiKey: acme.apiKey, body });
  }
});
afterAll(async () => {
  await app.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const objects = (): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.includes('/'))
    .toSorted();
const listed = async (query = ''): Promise<Json[]> => (await admin.get(`/backups${query}`)).body.items;

async function backUp(tenant: string): Promise<Json> {
  const { status, text, headers } = await admin.send('POST', '/backups', { body: { tenant } });
  expect([status, text]).toEqual([202, expect.any(String)]);
  return admin.ended(headers.get('location'));
}

beforeEach(async () => {
  await app.database.admin('DELETE FROM backups');
  for (const file of readdirSync(folder)) rmSync(join(folder, file), { recursive: true });
});

describe('a backup', () => {
  it.each(['acme', 'hooli'])('of %s is written, read back and listed', async (slug) => {
    const operation = await backUp(slug);
    expect(operation).toMatchObject({ status: 'succeeded', error: null });
    expect(operation.steps.map(({ name }: Json) => name)).toEqual(['write', 'verify']);
    const [backup, ...others] = await listed(`?tenant=${slug}`);
    expect(others).toEqual([]);
    const rows = slug === 'acme' ? 3 : 0;
    expect(backup).toMatchObject({ tenant: slug, state: 'kept', rows, operationId: operation.id });
    expect(operation.result).toMatchObject({ backup: backup.id, rows, bytes: backup.bytes });
    expect(objects()).toEqual([backup.objectKey]);
    expect(backup.objectKey).toBe(`${backup.tenantId}/${backup.id}.age`);
    expect(Date.parse(backup.expiresAt) - Date.parse(backup.takenAt)).toBe(30 * 86_400_000);
    expect(Date.parse(backup.verifiedAt)).toBeGreaterThanOrEqual(Date.parse(backup.takenAt));
  });

  it("is kept for the days of the tenant's plan, or of the tenant", async () => {
    await admin.send('POST', '/plans', { body: { name: 'short', limits: { backupRetentionDays: 3 } } });
    const daysOf = async (change: object): Promise<number> => {
      await admin.send('PATCH', '/tenants/hooli', { body: change });
      await backUp('hooli');
      const [{ expiresAt, takenAt }] = await listed('?tenant=hooli');
      return (Date.parse(expiresAt) - Date.parse(takenAt)) / 86_400_000;
    };
    expect(await daysOf({ plan: 'short' })).toBe(3);
    expect(await daysOf({ limits: { backupRetentionDays: 400 } })).toBe(400);
    expect(await daysOf({ plan: null, limits: {} })).toBe(30);
  });

  it('is listed by pages, newest first, and by the tenant', async () => {
    for (const slug of ['acme', 'hooli', 'acme']) await backUp(slug);
    const first = (await admin.get('/backups?limit=2')).body;
    expect(first.items.map(({ tenant }: Json) => tenant)).toEqual(['acme', 'hooli']);
    const second = (await admin.get(`/backups?limit=2&cursor=${first.nextCursor}`)).body;
    expect(second).toMatchObject({ items: [{ tenant: 'acme' }], nextCursor: null });
    expect((await listed(`?tenant=${acme.id}`)).map(({ tenant }) => tenant)).toEqual(['acme', 'acme']);
  });

  it('is refused for no tenant, and while another operation on it is in progress', async () => {
    expect((await admin.send('POST', '/backups', { body: { tenant: 'absent' } })).body.code).toBe('NOT_FOUND');
    expect((await admin.send('POST', '/backups', { body: {} })).body.code).toBe('VALIDATION_FAILED');
    expect((await admin.get('/backups?tenant=../x')).body.code).toBe('VALIDATION_FAILED');
    const both = await Promise.all(
      ['acme', acme.id].map((tenant) => admin.send('POST', '/backups', { body: { tenant } })),
    );
    expect(both.map(({ status }) => status).toSorted()).toEqual([202, 409]);
    const location = both.find(({ status }) => status === 202)?.headers.get('location') ?? null;
    expect(await admin.ended(location)).toMatchObject({ status: 'succeeded' });
  });

  it('that cannot be stored fails, and does not count', async () => {
    writeFileSync(join(folder, acme.id), 'in the way');
    expect(await backUp('acme')).toMatchObject({ status: 'failed', error: { code: 'STORE_REFUSED' } });
    expect(await listed()).toMatchObject([{ state: 'writing', verifiedAt: null }]);
    rmSync(join(folder, acme.id));
    expect(await app.application.nest.get(BackupRetention).sweep()).toBe(1);
    expect(await listed()).toEqual([]);
  });
});

describe('the object of a backup', () => {
  it('is encrypted', async () => {
    await backUp('acme');
    const content = readFileSync(join(folder, objects()[0] ?? ''), 'latin1');
    expect(content).toMatch(/^age-encryption.org\/v1\n-> X25519 /);
    for (const text of ['one@example.com', 'acme', 'tenantry-archive']) expect(content).not.toContain(text);
  });

  /** Its own run, so that the object can be changed between the steps. */
  async function write(state: Record<string, string> = {}): Promise<{ path: string; verify: () => Promise<void> }> {
    const [writing, verifying] = app.application.nest.get(BackupKind, { strict: false }).steps;
    const { signal } = new AbortController();
    const run: OperationRun<object> = {
      ...{ id: crypto.randomUUID(), tenantId: acme.id, input: {}, createdAt: new Date(), signal, lost: signal, state },
      saveState: async (values) => void Object.assign(state, values),
      reportProgress: () => undefined,
      addResult: async () => undefined,
    };
    await writing?.run(run);
    const path = join(folder, `${acme.id}/${state['backupId']}.age`);
    return { path, verify: async () => verifying?.run(run) };
  }

  it.each([
    ['a byte was changed', (path: string) => flip(path)],
    ['it was truncated', (path: string) => truncateSync(path, readFileSync(path).length - 1)],
    ['it is empty', (path: string) => truncateSync(path, 0)],
    ['it is another file', (path: string) => writeFileSync(path, 'a text')],
  ])('is not accepted when %s', async (_, change) => {
    const { path, verify } = await write();
    change(path);
    await expect(verify()).rejects.toMatchObject({ code: 'ARCHIVE_UNREADABLE' });
    expect(await listed()).toMatchObject([{ state: 'writing', verifiedAt: null }]);
  });

  it('is not accepted when it is another backup of the tenant, or is gone', async () => {
    const former = await write();
    const { path, verify } = await write();
    copyFileSync(former.path, path);
    await expect(verify()).rejects.toMatchObject({ code: 'BACKUP_DIFFERS' });
    rmSync(path);
    await expect(verify()).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
  });

  it('does not count when its row was removed before it was read back', async () => {
    const { verify } = await write();
    await app.database.admin('DELETE FROM backups');
    await expect(verify()).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('is replaced by a second attempt of its operation', async () => {
    const state = {};
    await write(state);
    const { verify } = await write(state);
    await verify();
    expect(await listed()).toMatchObject([{ state: 'kept', rows: 3 }]);
    expect(objects()).toHaveLength(1);
  });
});

describe('retention', () => {
  const sweep = (): Promise<number> => app.application.nest.get(BackupRetention).sweep();
  const expire = (): Promise<unknown> =>
    app.database.admin(`UPDATE backups SET expires_at = now() - interval '1 second'`);

  it('removes expired backups, but never the newest one of a tenant', async () => {
    const operations = [await backUp('acme'), await backUp('hooli'), await backUp('acme')];
    expect(await sweep()).toBe(0);
    await expire();
    expect(await sweep()).toBe(1);
    const left = operations
      .slice(1)
      .map(({ result }) => result.backup)
      .toSorted();
    expect((await listed()).map(({ id }) => id).toSorted()).toEqual(left);
    expect(objects()).toHaveLength(2);
    expect(await sweep()).toBe(0);
  });

  it('goes on with the others where one cannot be removed', async () => {
    for (const slug of ['acme', 'acme', 'hooli', 'hooli']) await backUp(slug);
    await expire();
    rmSync(join(folder, acme.id), { recursive: true });
    writeFileSync(join(folder, acme.id), 'in the way');
    expect(await sweep()).toBe(1);
    expect(await listed('?tenant=acme')).toHaveLength(2);
    rmSync(join(folder, acme.id));
    expect(await sweep()).toBe(1);
  });

  it('leaves a backup alone that is being restored, or tried out', async () => {
    const { id, result } = await backUp('acme');
    await backUp('acme');
    await expire();
    const inputs = [
      ['drill', { backupId: result.backup }],
      ['restore', { backupId: result.backup }],
      ['import', { source: { kind: 'backup', id: result.backup } }],
    ] as const;
    for (const [kind, input] of inputs) {
      await app.database.admin(
        `UPDATE operations SET kind = $2, input = $3, status = 'pending', run_after = 'infinity' WHERE id = $1`,
        [id, kind, input],
      );
      expect(await sweep()).toBe(0);
    }
    await app.database.admin(`UPDATE operations SET status = 'succeeded' WHERE id = $1`, [id]);
    expect(await sweep()).toBe(1);
  });

  it('leaves a backup alone whose operation is in progress', async () => {
    const { id } = await backUp('acme');
    await app.database.admin(`UPDATE backups SET state = 'writing'`);
    await app.database.admin(`UPDATE operations SET status = 'pending', run_after = 'infinity' WHERE id = $1`, [id]);
    try {
      expect(await sweep()).toBe(0);
    } finally {
      await app.database.admin(`UPDATE operations SET status = 'succeeded' WHERE id = $1`, [id]);
    }
    expect(await sweep()).toBe(1);
  });
});

describe('a backup', () => {
  const customers = async (apiKey: string): Promise<string[]> => {
    const { body } = await app.call('/api/v1/customers', { apiKey });
    return body.items.map(({ name }: Json) => name).toSorted();
  };
  const restore = (id: string, body: object) => admin.send('POST', `/backups/${id}/restore`, { body });

  it.each([{}, { isolation: 'schema' }])(
    'is restored as another tenant with %j, which has the rows of that time',
    async (options) => {
      const { result } = await backUp('acme');
      const later = { name: 'later', email: `later-${JSON.stringify(options).length}@example.com` };
      expect((await app.call('/api/v1/customers', { method: 'POST', apiKey: acme.apiKey, body: later })).status).toBe(
        201,
      );
      const now = await customers(acme.apiKey);
      const slug = `acme-restored${'isolation' in options ? '-apart' : ''}`;
      const { headers } = await restore(result.backup, { as: slug, ...options });
      expect(await admin.ended(headers.get('location'))).toMatchObject({
        kind: 'import',
        status: 'succeeded',
        error: null,
      });
      const { body: tenant } = await admin.get(`/tenants/${slug}`);
      expect(tenant).toMatchObject({ status: 'active', isolation: 'row', ...options });
      const restored = await customers(await app.issueKey(tenant));
      expect([...restored, 'later'].toSorted()).toEqual(now);
      expect(await customers(acme.apiKey)).toEqual(now);
    },
  );

  it('is not restored as a tenant that exists, twice in shared tables, when it does not exist, or before it was read back', async () => {
    const { result } = await backUp('acme');
    expect((await restore(result.backup, { as: 'acme' })).body.code).toBe('CONFLICT');
    expect((await restore(result.backup, { isolation: 'nowhere' })).body.code).toBe('VALIDATION_FAILED');
    expect((await restore(result.backup, { isolation: 'row' })).body).toMatchObject({
      ...{ code: 'CONFLICT', detail: expect.stringContaining('shared tables have room for its rows once') },
    });
    expect((await restore(result.backup, { server: 'absent' })).body.code).toBe('NOT_FOUND');
    expect((await restore(crypto.randomUUID(), {})).body.code).toBe('NOT_FOUND');
    expect((await restore(crypto.randomUUID(), { as: 'other' })).body.code).toBe('NOT_FOUND');
    await app.database.admin(`UPDATE backups SET state = 'writing'`);
    for (const body of [{ as: 'other' }, {}]) expect((await restore(result.backup, body)).body.code).toBe('CONFLICT');
  });
});

/** Policies that are all there do not show what else a table has. */
const HIDE_ONE = `CREATE POLICY hidden ON customers AS RESTRICTIVE USING (name <> 'one')`;

async function targetOf(tenantId: string): Promise<{ database: string; role: string }> {
  const [target = { database: '', role: '' }] = await app.database.admin<{ database: string; role: string }>(
    `SELECT c.database, c.role FROM tenants t JOIN connection_targets c ON c.id = t.target_id
     WHERE t.id = $1`,
    [tenantId],
  );
  return target;
}

describe('the times of a tenant', () => {
  const at = (time: string): Date => new Date(`2026-01-${time}:00Z`);

  it('are all of BACKUP_EVERY, or as rare as its plan or its own limit says', async () => {
    const { nest } = app.application;
    const tenants = nest.get<DataSource>(CATALOG).getRepository(TenantEntity);
    const isDue = async (time: string): Promise<boolean> => {
      const hooli = toTenant(await tenants.findOneByOrFail({ slug: 'hooli' }));
      return nest.get(BackupTimes, { strict: false }).isDue(hooli, at(time));
    };
    const change = (body: object): Promise<unknown> => admin.send('PATCH', '/tenants/hooli', { body });
    const overdue = async (latest: string, secondLatest: string): Promise<string[]> => {
      const times = { latest: at(latest), secondLatest: at(secondLatest) };
      const query = <Row>(sql: string, values: unknown[]): Promise<Row[]> => app.database.admin(sql, values) as never;
      return (await overdueTenants(query, times, 9)).map(({ slug }) => slug);
    };
    await admin.send('POST', '/plans', { body: { name: 'daily', limits: { backupEveryHours: 24 } } });
    await change({ plan: 'daily' });
    await soon(async () => expect(await isDue('06T02:00')).toBe(true)); // it has none
    await backUp('hooli');
    await app.database.admin(`UPDATE backups SET taken_at = '2026-01-05T03:40:00Z'`);
    expect([await isDue('06T02:00'), await isDue('06T03:00')]).toEqual([false, true]);
    expect([await overdue('07T02:00', '07T01:00'), await overdue('07T03:00', '07T02:00')]).toEqual([[], ['hooli']]);

    await change({ limits: { backupEveryHours: 2 } });
    await soon(async () => expect([await isDue('05T04:00'), await isDue('05T05:00')]).toEqual([false, true]));
    expect([await overdue('05T06:00', '05T05:00'), await overdue('05T07:00', '05T06:00')]).toEqual([[], ['hooli']]);

    await change({ plan: null, limits: {} });
    await soon(async () => expect(await isDue('05T04:00')).toBe(true));
    expect([await overdue('05T04:00', '05T03:00'), await overdue('05T05:00', '05T04:00')]).toEqual([[], ['hooli']]);
  });
});

describe('a drill', () => {
  const drill = async (id: string): Promise<Json> => {
    const { headers } = await admin.send('POST', `/backups/${id}/drill`);
    return admin.ended(headers.get('location'));
  };
  const scratch = (): Promise<Json[]> =>
    asSuperuser(`${app.database.name}_shared`, `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'i\\_%'`);

  it('restores a backup, compares its rows, and leaves nothing but the time', async () => {
    const { result } = await backUp('acme');
    const rows = result.rows;
    const isolation = { tables: 3, rows };
    expect(await drill(result.backup)).toMatchObject({ status: 'succeeded', result: { tables: 3, rows, isolation } });
    expect(await listed()).toMatchObject([{ id: result.backup, drilledAt: expect.any(String) }]);
    expect(await scratch()).toEqual([]);
  });

  /** What happens to a table between its migration and the check, as by a migration of the application. */
  it.each([
    [/ has row-level security disabled/, 'ALTER TABLE customers DISABLE ROW LEVEL SECURITY'],
    [/ lacks the policy tenant_delete/, 'DROP POLICY tenant_delete ON customers'],
    [/ has an additional policy, all_of_it/, 'CREATE POLICY all_of_it ON customers USING (true)'],
    [/ different condition in its policy tenant_select/, 'ALTER POLICY tenant_select ON customers USING (true)'],
    [/ (\d+) rows under the tenant's stamp, and must show (?!\1)\d+$/, HIDE_ONE],
    [/ [1-9] rows without a stamp, and must show 0$/, 'ALTER ROLE :role BYPASSRLS', 'ALTER ROLE :role NOBYPASSRLS'],
  ])('fails when a table is not isolated: %p', async (problem, change, undo = 'SELECT') => {
    const { result } = await backUp('acme');
    const { database, role } = await targetOf(acme.id);
    const scratchTables = app.application.nest.get(ScratchTables, { strict: false });
    const migrate = scratchTables.migrate.bind(scratchTables);
    const spy = jest.spyOn(scratchTables, 'migrate').mockImplementation(async (place, ...rest) => {
      await migrate(place, ...rest);
      await asSuperuser(database, `SET search_path = "${place.schema}"; ${change.replace(':role', role)}`);
    });
    try {
      const { status, error } = await drill(result.backup);
      expect([status, error?.code]).toEqual(['failed', 'DRILL_NOT_ISOLATED']);
      expect(error.message).toMatch(problem);
      expect(error.message).toContain('customers');
    } finally {
      spy.mockRestore();
      await asSuperuser(database, undo.replace(':role', role));
    }
    expect(await listed()).toMatchObject([{ drilledAt: null }]);
    expect(await scratch()).toEqual([]);
  });

  it('of a backup that was changed since fails, and leaves nothing', async () => {
    const { result } = await backUp('acme');
    flip(join(folder, objects()[0] ?? ''));
    expect(await drill(result.backup)).toMatchObject({ status: 'failed', error: { code: 'ARCHIVE_UNREADABLE' } });
    expect(await listed()).toMatchObject([{ drilledAt: null }]);
    expect(await scratch()).toEqual([]);
    expect((await admin.send('POST', `/backups/${crypto.randomUUID()}/drill`)).body.code).toBe('NOT_FOUND');
  });

  it('of an object that is not the one that was recorded fails', async () => {
    const { result } = await backUp('acme');
    await app.database.admin(`UPDATE backups SET taken_at = taken_at - interval '1 second'`);
    expect(await drill(result.backup)).toMatchObject({ status: 'failed', error: { code: 'ARCHIVE_UNREADABLE' } });
  });

  it('that has failed is named by doctor until one succeeds', async () => {
    const query = async (sql: string, values: unknown[]): Promise<object> => ({
      rows: await app.database.admin(sql, values),
    });
    const found = async (): Promise<object> => backupDrillsCheck.run({ catalog: { query } as unknown as pg.Client });
    const { result } = await backUp('hooli');
    await drill(result.backup);
    await app.database.admin('DELETE FROM backups');
    const broken = (await backUp('acme')).result.backup;
    flip(join(folder, objects().find((key) => key.includes(broken)) ?? ''));
    await drill(broken);
    expect(await found()).toMatchObject([
      {
        verdict: 'fail',
        message: expect.stringMatching(/^the last drill of 1 of 2 tenants has failed: acme \(ARCHIVE_UNREADABLE, 20/),
      },
    ]);
    await drill((await backUp('acme')).result.backup);
    expect(await found()).toMatchObject([{ verdict: 'ok' }]);
  });
});

it('a deleted tenant takes its key with it: its backups are unreadable, and removed', async () => {
  const initech = await app.provision('initech', 'row');
  await backUp('initech');
  const { headers } = await admin.send('DELETE', '/tenants/initech?graceSeconds=0');
  const deletion = await admin.ended(headers.get('location'));
  expect(deletion).toMatchObject({ status: 'succeeded' });
  const { text: report } = await admin.get(`/operations/${deletion.id}/erasure-report`);
  expect(report).toMatch(/encrypted backups \(1\), which nothing can open/);
  expect(await app.database.admin('SELECT tenant_id FROM archive_keys WHERE tenant_id = $1', [initech.id])).toEqual([]);
  expect(await listed(`?tenant=${initech.id}`)).toMatchObject([{ tenant: null, state: 'unreadable' }]);
  await app.database.admin(`UPDATE backups SET expires_at = now() - interval '1 second'`);
  expect(await app.application.nest.get(BackupRetention).sweep()).toBe(1);
  expect(objects()).toEqual([]);
});

function flip(path: string): void {
  const content = readFileSync(path);
  const middle = Math.floor(content.length * 0.9);
  content[middle] = (content[middle] ?? 0) ^ 1;
  writeFileSync(path, content);
}
