import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { BackupRetention } from '../../../src/admin/backups/backup-retention.js';
import { ImportKind } from '../../../src/admin/archives/import.kind.js';
import { InstallationKeys } from '../../../src/admin/archives/installation-keys.js';
import { ArchiveStore } from '../../../src/admin/stored-archives/archive-store.js';
import { ExportKind } from '../../../src/admin/stored-archives/export.kind.js';
import { ImportLeftovers } from '../../../src/admin/stored-archives/import-leftovers.js';
import { StoredImports } from '../../../src/admin/stored-archives/stored-imports.js';
import { ExportRemoval } from '../../../src/admin/stored-archives/export-removal.js';
import { ArchiveReader } from '../../../src/database/archives/format/archive-reader.js';
import { newIdentity } from '../../../src/database/archives/format/locks.js';
import { readThrough } from '../../../src/database/archives/read-through.js';
import type { OperationRun } from '../../../src/operations/operation-kind.js';
import { AdminClient } from '../../support/admin/admin-client.js';
import { Cli } from '../../support/cli/cli.js';
import { soon } from '../../support/load/soon.js';
import { asSuperuser } from '../../support/postgres/postgres.js';
import { sampleSchema } from '../../support/sample-schema.js';
import { ADMIN_KEY, type Answer, type Json, TestApp, type TestTenant } from '../../support/test-app.js';

let folder: string;
let app: TestApp;
let admin: AdminClient;
let acme: TestTenant;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-store-'));
  app = await TestApp.start({ BACKUP_URL: pathToFileURL(folder).href });
  admin = new AdminClient(app);
  acme = await app.provision('acme', 'row');
  for (const name of ['one', 'two', 'three']) {
    const body = { name, email: `${name}@example.com` };
    await app.call('/api/v1/customers', { method: 'POST', apiKey: acme.apiKey, body });
  }
});
afterAll(async () => {
  await app.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const request = (body: object, tenant = 'acme', headers = {}): Promise<Answer> =>
  admin.send('POST', `/tenants/${tenant}/export`, { body, headers });
const importing = (body: object | string, headers = {}): Promise<Answer> =>
  admin.send('POST', '/tenants/import', { body, headers });

async function exported(body: object = {}, tenant = 'acme'): Promise<Json> {
  const { status, headers } = await request(body, tenant);
  expect(status).toBe(202);
  const operation = await admin.ended(headers.get('location'));
  expect(operation).toMatchObject({ kind: 'export', status: 'succeeded', error: null });
  return operation;
}

const download = (id: string): Promise<Response> =>
  fetch(`${app.url}/admin/v1/exports/${id}/content`, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });

/** An operation reads the object that never runs. */
async function whileImported(key: string, work: () => Promise<void>): Promise<void> {
  await app.database.admin(
    `INSERT INTO operations (id, kind, subject, input, steps, created_by, run_after)
     VALUES (gen_random_uuid(), 'import', 'x', $1, '{}', 'test', 'infinity')`,
    [{ source: { kind: 'object', key } }],
  );
  await work();
  await app.database.admin(`DELETE FROM operations WHERE kind = 'import' AND subject = 'x'`);
}

const customers = async (apiKey: string): Promise<string[]> => {
  const { body } = await app.call('/api/v1/customers', { apiKey });
  return body.items.map(({ name }: Json) => name).toSorted();
};

async function rowsIn(content: Buffer, identities: readonly string[]): Promise<number> {
  const archive = await ArchiveReader.open(Readable.from([content]), { identities });
  await readThrough(archive, new AbortController().signal);
  return archive.manifest.tables.reduce((sum, { rows }) => sum + rows, 0);
}

describe('an export', () => {
  it('is written for this installation, listed, downloaded, and in the audit log', async () => {
    const { id, result } = await exported();
    const key = `exports/${acme.id}/${id}.age`;
    expect(result).toMatchObject({ export: id, objectKey: key, rows: 3 });
    const { body: found } = await admin.get(`/exports/${id}`);
    const { export: _id, ...facts } = result;
    expect(found).toMatchObject({ id, tenant: 'acme', state: 'kept', ...facts });
    expect((await admin.get('/exports?tenant=acme&limit=1')).body.items).toEqual([found]);

    const response = await download(id);
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(response.headers.get('content-disposition')).toBe(`attachment; filename="${id}.age"`);
    expect(response.headers.get('content-length')).toBe(String(result.bytes));
    const downloads = async () => (await admin.get('/audit?action=export.download')).body.items.length;
    const before = await downloads();
    expect((await admin.send('HEAD', `/exports/${id}/content`)).status).toBe(200);
    expect(await downloads()).toBe(before);
    const content = Buffer.from(await response.arrayBuffer());
    expect(createHash('sha256').update(content).digest('hex')).toBe(result.sha256);
    const own = await app.application.nest.get(InstallationKeys, { strict: false }).identities();
    expect(
      await rowsIn(
        content,
        own.map(({ identity }) => identity),
      ),
    ).toBe(3);

    const { items } = (await admin.get('/audit?limit=2')).body;
    expect(items.map(({ action, subject }: Json) => [action, subject])).toEqual([
      ['export.download', 'acme'],
      ['tenant.export', 'acme'],
    ]);
  });

  it('is for the given recipients only', async () => {
    const { identity, recipient } = await newIdentity();
    const { id } = await exported({ recipients: [recipient] });
    const content = Buffer.from(await (await download(id)).arrayBuffer());
    expect(await rowsIn(content, [identity])).toBe(3);
    const refused = await importing({ from: id, as: 'other' });
    expect([refused.status, refused.body.code]).toEqual([422, 'ARCHIVE_LOCKED']);
  });

  it('is listed by pages, and is no backup', async () => {
    for (const _ of [1, 2, 3]) await exported();
    const first = (await admin.get('/exports?limit=2')).body;
    const second = (await admin.get(`/exports?limit=2&cursor=${first.nextCursor}`)).body;
    const times = [...first.items, ...second.items].map(({ createdAt }: Json) => createdAt);
    expect(times).toHaveLength(4);
    expect(times).toEqual(times.toSorted().toReversed());
    expect(new Set([...first.items, ...second.items].map(({ id }: Json) => id)).size).toBe(4);
    expect((await admin.get('/backups')).body.items).toEqual([]);
    expect(await app.application.nest.get(BackupRetention).sweep()).toBe(0);
    expect(existsSync(join(folder, first.items[0].objectKey))).toBe(true);
  });

  it('is requested once per Idempotency-Key', async () => {
    const key = { 'idempotency-key': 'export-1' };
    const first = await request({}, 'acme', key);
    await admin.ended(first.headers.get('location'));
    const again = await request({}, 'acme', key);
    expect([again.body.id, again.headers.get('idempotency-replayed')]).toEqual([first.body.id, 'true']);
    expect((await request({ recipients: [(await newIdentity()).recipient] }, 'acme', key)).status).toBe(409);
  });

  it('is removed with its object, but not while an import reads it', async () => {
    const { id, result } = await exported();
    await whileImported(result.objectKey, async () => {
      expect((await admin.send('DELETE', `/exports/${id}`)).body.code).toBe('CONFLICT');
      expect(existsSync(join(folder, result.objectKey))).toBe(true);
    });
    expect((await admin.send('DELETE', `/exports/${id}`)).status).toBe(204);
    expect(existsSync(join(folder, result.objectKey))).toBe(false);
    for (const path of ['', '/content']) expect((await admin.get(`/exports/${id}${path}`)).status).toBe(404);
    expect((await admin.send('DELETE', `/exports/${id}`)).status).toBe(404);
  });

  it('that is not in the store as it was written does not count', async () => {
    const [write, verify] = app.application.nest.get(ExportKind, { strict: false }).steps;
    const { signal } = new AbortController();
    const state: Record<string, string> = {};
    const run: OperationRun<{ recipients: string[] }> = {
      ...{ id: crypto.randomUUID(), tenantId: acme.id, createdAt: new Date(), signal, lost: signal, state },
      input: { recipients: [(await newIdentity()).recipient] },
      saveState: async (values) => void Object.assign(state, values),
      reportProgress: () => undefined,
      addResult: async () => undefined,
    };
    await write?.run(run);
    const path = join(folder, 'exports', acme.id, `${run.id}.age`);
    writeFileSync(path, flip(readFileSync(path), 0.5));
    await expect(verify?.run(run)).rejects.toMatchObject({ code: 'EXPORT_DIFFERS' });
    expect((await download(run.id)).status).toBe(409);
    expect((await admin.send('DELETE', `/exports/${run.id}`)).status).toBe(204);
  });

  it('that cannot be stored fails, is not downloaded, and is removed later', async () => {
    rmSync(join(folder, 'exports'), { recursive: true, force: true });
    writeFileSync(join(folder, 'exports'), 'in the way');
    const { headers } = await request({});
    const { id, status, error } = await admin.ended(headers.get('location'));
    expect([status, error.code]).toEqual(['failed', 'STORE_REFUSED']);
    expect((await download(id)).status).toBe(409);
    rmSync(join(folder, 'exports'));
    expect(await app.application.nest.get(ExportRemoval, { strict: false }).sweep()).toBe(1);
    expect((await admin.get(`/exports/${id}`)).status).toBe(404);
  });
});

describe('what is no longer needed', () => {
  it('an export expires after EXPORT_RETENTION_DAYS, and is removed, but not while it is imported', async () => {
    const { id, result } = await exported();
    const { takenAt, expiresAt } = (await admin.get(`/exports/${id}`)).body;
    expect(Date.parse(expiresAt) - Date.parse(takenAt)).toBe(30 * 86_400_000);
    const removal = app.application.nest.get(ExportRemoval, { strict: false });
    expect(await removal.sweep()).toBe(0);
    await app.database.admin(`UPDATE exports SET expires_at = now() - interval '1 s' WHERE id = $1`, [id]);
    await whileImported(result.objectKey, async () => expect(await removal.sweep()).toBe(0));
    expect(await removal.sweep()).toBe(1);
    expect((await admin.get(`/exports/${id}`)).status).toBe(404);
    expect(existsSync(join(folder, result.objectKey))).toBe(false);
  });

  it('an archive that a killed command has passed on is removed after a day, but not while it is imported', async () => {
    const leftovers = app.application.nest.get(ImportLeftovers, { strict: false });
    const left = `imports/${'a'.repeat(64)}.age`;
    const others = [
      `imports/${'b'.repeat(64)}.age`,
      'imports/of-an-operator.age',
      `imports/hooli/${'a'.repeat(64)}.age`,
    ];
    const old = new Date(Date.now() - 90_000_000);
    for (const key of [left, ...others]) {
      mkdirSync(dirname(join(folder, key)), { recursive: true });
      writeFileSync(join(folder, key), 'x');
      if (key !== others[0]) utimesSync(join(folder, key), old, old);
    }
    await whileImported(left, async () => expect(await leftovers.sweep()).toBe(0));
    expect(await leftovers.sweep()).toBe(1);
    expect([left, ...others].map((key) => existsSync(join(folder, key)))).toEqual([false, true, true, true]);
  });

  it('the same file that two commands pass on is an object of each, which goes on with its own after a crash', async () => {
    const imports = app.application.nest.get(StoredImports, { strict: false });
    const { signal } = new AbortController();
    const sha256 = 'c'.repeat(64);
    const archive = (slug: string) => ({ sha256, slug, read: () => Readable.from(['x']) });
    const isThere = (key: string): boolean => existsSync(join(folder, key));
    const keys: string[] = [];
    await imports.withUploaded(
      archive('first'),
      async (key) => {
        await imports.withUploaded(archive('second'), async (other) => void keys.push(other), signal);
        expect([isThere(key), isThere(keys[0]!)]).toEqual([true, false]);
        keys.push(key);
        await app.database.admin(
          `WITH tenant AS (INSERT INTO tenants (slug, isolation, status) VALUES ('first', 'row', 'provisioning') RETURNING id)
           INSERT INTO operations (id, kind, tenant_id, subject, input, steps, created_by, run_after)
           SELECT gen_random_uuid(), 'import', id, 'x', $1, '{}', 'test', 'infinity' FROM tenant`,
          [{ serverId: acme.id, source: { kind: 'object', key, takenAt: '2026-01-01T00:00:00.000Z' } }],
        );
      },
      signal,
    );
    expect(new Set(keys).size).toBe(2);
    expect(isThere(keys[1]!)).toBe(true); // its operation reads it
    await imports.withUploaded(
      archive('first'),
      async (key) => {
        expect(key).toBe(keys[1]);
        await app.database.admin(`DELETE FROM operations WHERE subject = 'x'`);
      },
      signal,
    );
    expect(isThere(keys[1]!)).toBe(false);
    await app.database.admin(`DELETE FROM tenants WHERE slug = 'first'`);
    // As they are named now, they are removed after a day, too.
    const left = `imports/${sha256}-0123456789abcdef.age`;
    const old = new Date(Date.now() - 90_000_000);
    writeFileSync(join(folder, left), 'x');
    utimesSync(join(folder, left), old, old);
    expect(await app.application.nest.get(ImportLeftovers, { strict: false }).sweep()).toBe(1);
  });
});

describe('an import', () => {
  it('makes a tenant of an export, once per Idempotency-Key, also when the export is gone', async () => {
    const { id } = await exported();
    const body = { from: id, as: 'acme-2', isolation: 'schema' };
    const key = { 'idempotency-key': 'import-1' };
    const { status, headers, body: operation } = await importing(body, key);
    expect(status).toBe(202);
    expect(await admin.ended(headers.get('location'))).toMatchObject({ kind: 'import', status: 'succeeded' });
    const { body: tenant } = await admin.get('/tenants/acme-2');
    expect(tenant).toMatchObject({ status: 'active', isolation: 'schema' });
    expect(await customers(await app.issueKey(tenant))).toEqual(await customers(acme.apiKey));
    expect((await importing({ from: id, as: 'acme-2' })).body.code).toBe('CONFLICT');
    await admin.send('DELETE', `/exports/${id}`);
    const again = await importing(body, key);
    expect([again.status, again.body.id]).toEqual([202, operation.id]);
  });

  const scratch = (): Promise<Json[]> =>
    asSuperuser(`${app.database.name}_shared`, `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'i\\_%'`);

  async function placed(name: string, change: (content: Buffer) => Buffer): Promise<string> {
    const { result } = await exported();
    mkdirSync(join(folder, 'imports'), { recursive: true });
    writeFileSync(join(folder, 'imports', name), change(readFileSync(join(folder, result.objectKey))));
    return `imports/${name}`;
  }

  it.each([
    ['a text', () => Buffer.from('a text')],
    ['an empty file', () => Buffer.alloc(0)],
    ['an archive with another header', (content: Buffer) => flip(content, 0.02)],
  ])('of %s is refused at once', async (_, change) => {
    const from = await placed('refused.age', change);
    const { status, body } = await importing({ from, as: 'refused' });
    expect([status, body.code]).toEqual([422, expect.stringMatching(/^ARCHIVE_(UNREADABLE|LOCKED)$/)]);
    expect((await admin.get('/tenants/refused')).status).toBe(404);
  });

  /** More than a request reads, which ends with the manifest. */
  async function large(): Promise<Json> {
    const { id } = await app.provision('large', 'row');
    await asSuperuser(
      `${app.database.name}_shared`,
      `INSERT INTO shared.customers (tenant_id, name, email)
       SELECT '${id}', gen_random_uuid(), gen_random_uuid() || '@example.com' FROM generate_series(1, 8000)`,
    );
    return exported({}, 'large');
  }

  it('of an archive that was changed behind its manifest fails, and leaves nothing', async () => {
    const { result } = await large();
    const content = readFileSync(join(folder, result.objectKey));
    const changes = [content.subarray(0, -1), flip(content, 0.9), Buffer.concat([content, Buffer.from('x')])];
    const operations = await Promise.all(
      changes.map(async (changed, index) => {
        writeFileSync(join(folder, 'imports', `${index}.age`), changed);
        const { status, headers } = await importing({ from: `imports/${index}.age`, as: `later-${index}` });
        expect(status).toBe(202);
        return admin.ended(headers.get('location'));
      }),
    );
    for (const { status, error, steps } of operations) {
      expect([status, error.code]).toEqual(['failed', 'ARCHIVE_UNREADABLE']);
      expect(steps[0]).toEqual({ name: 'verify', status: 'failed' }); // before anything is made of it
    }
    for (const index of changes.keys()) {
      await soon(async () => expect((await admin.get(`/tenants/later-${index}`)).status).toBe(404));
    }
    expect(await scratch()).toEqual([]);
  });

  it('of an object that was replaced since it was requested does not go on', async () => {
    const [verify] = app.application.nest.get(ImportKind, { strict: false }).steps;
    const key = await placed('replaced.age', (content) => content);
    const { signal } = new AbortController();
    const source = { kind: 'object', key, takenAt: '2026-01-01T00:00:00.000Z' } as const;
    const run = { input: { serverId: crypto.randomUUID(), source }, signal } as unknown as Parameters<
      NonNullable<typeof verify>['run']
    >[0];
    await expect(verify?.run(run)).rejects.toMatchObject({ code: 'ARCHIVE_UNREADABLE' });
  });
});

describe('a command line', () => {
  const Welcome = { name: 'Welcome', type: class {}, events: ['provisioned'], required: true, timeoutMs: 1_000 };
  /** It knows the hook of an application, and cannot call it. */
  const withHook = (env: Readonly<Record<string, string>>): Cli => new Cli(env, { ...sampleSchema, hooks: [Welcome] });

  it('exports into the store, and imports through it where hooks of an application are needed', async () => {
    const exportedHere = await new Cli(app.env).json('tenants', 'export', 'acme');
    expect(exportedHere).toMatchObject({ kind: 'export', status: 'succeeded' });
    const file = join(folder, exportedHere.result.objectKey);
    const { BACKUP_URL: _store, ...without } = app.env;
    const refused = await withHook(without).run('--json', 'tenants', 'import', file, '--as', 'passed-on');
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('POST /admin/v1/tenants/import')]);

    const importingHere = withHook(app.env).run('--json', 'tenants', 'import', file, '--as', 'passed-on');
    let operation: Json;
    await soon(async () => {
      [operation] = (await admin.get('/operations?kind=import&status=pending')).body.items;
      expect(operation).toMatchObject({ subject: 'passed-on', requiredHooks: ['Welcome', 'archive:objects'] });
    });
    const [{ key }] = (await app.database.admin<{ key: string }>(
      `SELECT input -> 'source' ->> 'key' AS key FROM operations WHERE id = $1`,
      [operation.id],
    )) as [{ key: string }];
    expect(key.startsWith(`imports/${exportedHere.result.sha256}-`)).toBe(true);
    expect(existsSync(join(folder, key))).toBe(true);
    await admin.send('POST', `/operations/${operation.id}/cancel`); // no instance here has the hook
    expect((await importingHere).code).toBe(1);
    expect(existsSync(join(folder, key))).toBe(false);
  });
});

describe('hostile requests', () => {
  const recipients = (...all: unknown[]): object => ({ recipients: all });
  it.each<[string, object]>([
    ['a passphrase', { passphrase: 'secret' }],
    ['no recipients', recipients()],
    ['a recipient of another kind', recipients('ssh-ed25519 AAAA')],
    ['an identity', recipients(`AGE-SECRET-KEY-1${'Q'.repeat(58)}`)],
    ['a recipient with a wrong checksum', recipients(`age1${'q'.repeat(58)}`)],
    ['too many recipients', recipients(...Array.from({ length: 21 }, () => 'age1x'))],
    ['numbers', recipients(1)],
    ['__proto__', JSON.parse('{"constructor":{}}') as object],
  ])('to export with %s are refused', async (_, body) => {
    const { status, text } = await request(body);
    expect([status, JSON.parse(text).code]).toEqual([400, 'VALIDATION_FAILED']);
    expect(text).not.toContain('SECRET');
  });

  const from = (text: unknown): object => ({ from: text, as: 'other' });
  it.each<[string, object]>([
    ['no source', { as: 'other' }],
    ['no slug', { from: 'imports/a.age' }],
    ['a path', from('../imports/a.age')],
    ['a path behind a prefix', from('imports/../../etc/passwd')],
    ['an absolute path', from('/etc/passwd')],
    ['a hidden name', from('imports/.x.partial')],
    ['an encoded path', from('imports/%2e%2e/x')],
    ['a NUL', from('imports/a\0')],
    ['a backup', from(`${crypto.randomUUID()}/${crypto.randomUUID()}.age`)],
    ['the folder alone', from('imports/')],
    ['a URL', from('s3://bucket/imports/a.age')],
    ['a long key', from(`imports/${'a'.repeat(600)}`)],
    ['a list', from(['imports/a.age'])],
    ['another isolation', { from: 'imports/a.age', as: 'other', isolation: 'none' }],
    ['a field too many', { from: 'imports/a.age', as: 'other', passphrase: 'x' }],
  ])('to import from %s are refused', async (_, body) => {
    expect((await importing(body)).body.code).toBe('VALIDATION_FAILED');
  });

  it.each(['imports/absent.age', 'exports/absent.age', crypto.randomUUID()])(
    'to import %s find nothing',
    async (key) => {
      const { status, text } = await importing(from(key));
      expect([status, JSON.parse(text).code]).toEqual([404, 'NOT_FOUND']);
      expect(text).not.toContain(folder);
    },
  );

  it('without the admin key, or for no tenant or export, are refused', async () => {
    for (const path of ['/tenants/acme/export', '/tenants/import']) {
      expect((await app.call(`/admin/v1${path}`, { method: 'POST', apiKey: acme.apiKey, body: {} })).status).toBe(403);
    }
    expect((await app.call(`/admin/v1/exports`, { apiKey: acme.apiKey })).status).toBe(403);
    expect((await request({}, 'absent')).body.code).toBe('NOT_FOUND');
    for (const id of ['x', '..%2f..', crypto.randomUUID()])
      expect((await admin.get(`/exports/${id}`)).status).toBe(404);
    for (const query of ['tenant=../x', 'cursor=x', 'limit=0', 'x=1']) {
      expect((await admin.get(`/exports?${query}`)).body.code).toBe('VALIDATION_FAILED');
    }
  });
});

describe('a store that hangs', () => {
  it('keeps no connection of the catalog while an export is removed', async () => {
    const { id } = await exported();
    const store = await app.application.nest.get(ArchiveStore).open();
    let answer = (): void => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const remove = store.delete.bind(store);
    const hanging = jest.spyOn(store, 'delete').mockImplementation(async (key) => {
      await answered;
      return remove(key);
    });
    const removal = admin.send('DELETE', `/exports/${id}`);
    await soon(async () => expect(hanging).toHaveBeenCalled());
    const idle = `SELECT query FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`;
    expect(await app.database.admin(idle)).toEqual([]);
    expect((await download(id)).status).toBe(409);
    answer();
    expect((await removal).status).toBe(204);
    hanging.mockRestore();
    expect((await admin.get(`/exports/${id}`)).status).toBe(404);
  });
});

describe('a deletion', () => {
  async function deleted(slug: string): Promise<string> {
    const { headers } = await admin.send('DELETE', `/tenants/${slug}?graceSeconds=0`);
    const { id, status } = await admin.ended(headers.get('location'));
    expect(status).toBe('succeeded');
    return (await admin.get(`/operations/${id}/erasure-report`)).text;
  }

  it('removes the exports of its tenant, and names those that it cannot remove, which are removed later', async () => {
    const tenants = await Promise.all([app.provision('hooli', 'schema'), app.provision('initech', 'row')]);
    const [removed = '', blocked = ''] = tenants.map(({ id }) => join(folder, 'exports', id));
    for (const slug of ['hooli', 'initech']) await exported({}, slug);
    const files = readdirSync(blocked);
    rmSync(blocked, { recursive: true });
    writeFileSync(blocked, 'in the way');
    const [hooli, initech] = await Promise.all([deleted('hooli'), deleted('initech')]);
    expect(hooli).toMatch(/exported archives in the store \(1\)$/m);
    expect(hooli).not.toContain('could not be removed');
    expect(existsSync(removed)).toBe(false);
    expect(initech).toMatch(/exported archives \(1\), which could not be removed/);
    rmSync(blocked);
    mkdirSync(blocked);
    for (const file of files) writeFileSync(join(blocked, file), 'x');
    expect(await app.application.nest.get(ExportRemoval, { strict: false }).sweep()).toBe(1);
    expect(existsSync(blocked)).toBe(false);
  });
});

function flip(content: Buffer, at: number): Buffer {
  const changed = Buffer.from(content);
  const index = Math.floor(content.length * at);
  changed[index] = (changed[index] ?? 0) ^ 1;
  return changed;
}
