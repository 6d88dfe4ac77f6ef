import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Decrypter, Encrypter } from 'age-encryption';
import { ISOLATIONS } from '../../../src/catalog/model/tenant.js';
import { Cli, type CommandResult } from '../../support/cli/cli.js';
import { soon } from '../../support/load/soon.js';
import { asSuperuser } from '../../support/postgres/postgres.js';
import { sampleSchema } from '../../support/sample-schema.js';
import { type Json, TestApp, type TestTenant } from '../../support/test-app.js';

const PASSPHRASE = 'correct horse battery staple';
const withPassphrase = { input: `${PASSPHRASE}\n` };

let source: TestApp;
let goal: TestApp;
let here: Cli;
let there: Cli;
let acme: TestTenant;
let folder: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenantry-archives-'));
  file = join(folder, 'acme.age');
  source = await TestApp.start();
  goal = await TestApp.start({ ENCRYPTION_KEYS: `other:${randomBytes(32).toString('base64')}` });
  [here, there] = [new Cli(source.env), new Cli(goal.env)];
  acme = await source.provision('acme', 'row');
  await source.provision('neighbour', 'row');
  for (const name of ['Ada', 'Bob "the" \\builder\\n', 'Zoe ë😀']) await insert(name);
});

afterAll(async () => {
  await source.dispose();
  await goal.dispose();
  await rm(folder, { recursive: true, force: true });
});

async function insert(name: string): Promise<void> {
  const body = { name, email: `${name.slice(0, 3)}@example.com` };
  expect((await source.call('/api/v1/customers', { method: 'POST', apiKey: acme.apiKey, body })).status).toBe(201);
}

async function customers(app: TestApp, apiKey: string): Promise<Json> {
  return (await app.call('/api/v1/customers', { apiKey })).body.items;
}

async function imported(slug: string): Promise<string> {
  return (await there.json('keys', 'create', slug)).token;
}

/** What the catalog and the databases of the goal have, in which nothing may be left. */
async function leftovers(): Promise<Json> {
  const schemas = await asSuperuser(
    `${goal.database.name}_shared`,
    `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'i\\_%'`,
  );
  const rows = await goal.database.admin(
    `SELECT slug, status FROM tenants WHERE slug LIKE 'bad%'
     UNION ALL SELECT kind, status FROM operations WHERE status IN ('pending', 'running')`,
  );
  return [...schemas, ...rows];
}

function code(result: CommandResult): string {
  return result.error.code ?? result.error.error?.code;
}

describe('the archive of a tenant', () => {
  it('is written for another installation, and imported there with each isolation', async () => {
    const { recipient } = await there.json('archives', 'recipient');
    const exported = await here.json('tenants', 'export', 'acme', '--to', file, '--recipient', recipient);
    expect(exported.manifest).toMatchObject({ tenant: { slug: 'acme', isolation: 'row' } });
    expect((await there.json('archives', 'show', file)).tables).toMatchObject([
      { name: 'customers', rows: 3 },
      { name: 'orders', rows: 0 },
      { name: 'order_lines', rows: 0 },
    ]);
    const before = await customers(source, acme.apiKey);
    for (const isolation of ISOLATIONS) {
      const slug = `acme-${isolation}`;
      const made = await there.json('tenants', 'import', file, '--as', slug, '--isolation', isolation);
      expect(made.operation).toMatchObject({ status: 'succeeded', result: { tables: 3, rows: 3 } });
      expect(made.tenant).toMatchObject({ slug, isolation, status: 'active' });
      expect(await customers(goal, await imported(slug))).toEqual(before);
    }
    await soon(async () => expect(await leftovers()).toEqual([]));
  });

  it('is not opened by the installation that wrote it for another one', async () => {
    const refused = await here.run('archives', 'show', file, '--json');
    expect(refused.code).toBe(1);
    expect(code(refused)).toBe('ARCHIVE_LOCKED');
  });

  it('has a passphrase, and never replaces a file', async () => {
    const locked = join(folder, 'locked.age');
    const write = () => here.runAmid(withPassphrase, 'tenants', 'export', 'acme', '--to', locked, '--passphrase-stdin');
    expect((await write()).code).toBe(0);
    const content = await readFile(locked);
    const again = await write();
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('exists already') });
    expect(await readFile(locked)).toEqual(content);
    expect((await readdir(folder)).toSorted()).toEqual(['acme.age', 'locked.age']);
    const shown = await there.runAmid(withPassphrase, 'archives', 'show', locked, '--passphrase-stdin', '--json');
    expect(shown.json.tables[0]).toMatchObject({ name: 'customers', rows: 3 });
  }, 120_000);

  it('has the tables of its time: it is migrated when it is imported', async () => {
    const [oldest] = sampleSchema.migrations;
    const { entities: _entities, referenceEntities: _reference, ...rest } = sampleSchema;
    const former = new Cli(source.env, { ...rest, entities: [], migrations: oldest ? [oldest] : [] });
    const { tenant } = await former.json('tenants', 'create', 'early', '--isolation', 'database');
    const [{ database }] = (await source.database.admin<{ database: string }>(
      'SELECT c.database FROM tenants t JOIN connection_targets c ON c.id = t.target_id WHERE t.slug = $1',
      [tenant.slug],
    )) as [{ database: string }];
    expect(database).toMatch(/^\w+$/);
    const archive = join(folder, 'early.age');
    const { recipient } = await there.json('archives', 'recipient');
    const { manifest } = await former.json('tenants', 'export', 'early', '--to', archive, '--recipient', recipient);
    expect(manifest.migrations).toHaveLength(1);
    const made = await there.json('tenants', 'import', archive, '--as', 'early', '--isolation', 'schema');
    expect(made.tenant.schemaVersion).toBe((await there.json('tenants', 'show', 'acme-schema')).schemaVersion);
    expect((await goal.call('/api/v1/orders', { apiKey: await imported('early') })).body.items).toEqual([]);
  });

  it('leaves nothing when it was changed, has other rows than it says, or is for other tables', async () => {
    const { identity, recipient } = await newKeys();
    const own = join(folder, 'own.age');
    await here.json('tenants', 'export', 'acme', '--to', own, '--recipient', recipient);
    const key = join(folder, 'key.txt');
    await writeFile(key, `# of a test\n${identity}\n`);
    const bytes = await readFile(own);
    const tar = await decrypted(bytes, identity);
    const variants: readonly (readonly [string, Buffer, string])[] = [
      ['cut', bytes.subarray(0, bytes.length - 1), 'ARCHIVE_UNREADABLE'],
      ['rows', await encrypted(replaced(tar, 'Ada', 'Eve'), recipient), 'OPERATION_FAILED'],
      ['tables', await encrypted(replaced(tar, 'CreateOrders', 'CreateOthers'), recipient), 'ARCHIVE_TABLES'],
    ];
    for (const [what, content, expected] of variants) {
      const bad = join(folder, `${what}.age`);
      await writeFile(bad, content);
      const refused = await there.run(
        'tenants',
        'import',
        bad,
        '--as',
        `bad-${what}`,
        '--identity-file',
        key,
        '--json',
      );
      expect(refused.code).toBe(1);
      expect([what, code(refused)]).toEqual([what, expected]);
      expect(refused.stderr).not.toContain('Eve');
    }
    await soon(async () => expect(await leftovers()).toEqual([]));
    expect(
      await goal.database.admin(
        `SELECT error ->> 'code' AS code FROM operations WHERE kind = 'import' AND status = 'failed'`,
      ),
    ).toEqual([{ code: 'COPY_MISMATCH' }]);
  });

  it('is written as JSON lines, for the customer', async () => {
    const data = join(folder, 'acme-data');
    const { files } = await here.json('tenants', 'export', 'acme', '--to', data, '--json-lines');
    expect(files).toEqual(['customers.jsonl', 'orders.jsonl', 'order_lines.jsonl']);
    const lines = (await readFile(join(data, 'customers.jsonl'), 'utf8')).trimEnd().split('\n');
    const names = lines.map((line) => JSON.parse(line).name);
    expect(names.toSorted()).toEqual(['Ada', 'Bob "the" \\builder\\n', 'Zoe ë😀']);
    expect(await readFile(join(data, 'orders.jsonl'), 'utf8')).toBe('');
  });

  it('is recorded in the audit log', async () => {
    const { items } = await here.json('audit');
    const { items: imports } = await there.json('audit');
    expect(items.map(({ action }: Json) => action)).toContain('tenant.export');
    expect(imports.map(({ action }: Json) => action)).toContain('tenant.import');
  });
});

async function newKeys(): Promise<{ identity: string; recipient: string }> {
  const { newIdentity } = await import('../../../src/database/archives/format/locks.js');
  return newIdentity();
}

async function decrypted(bytes: Buffer, identity: string): Promise<Buffer> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  return gunzipSync(await decrypter.decrypt(new Uint8Array(bytes)));
}

async function encrypted(tar: Buffer, recipient: string): Promise<Buffer> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return Buffer.from(await encrypter.encrypt(new Uint8Array(gzipSync(tar))));
}

/** The texts have the same length: tar's headers stay right. */
function replaced(tar: Buffer, from: string, to: string): Buffer {
  const text = tar.toString('latin1');
  expect(text).toContain(from);
  return Buffer.from(text.replaceAll(from, to), 'latin1');
}
