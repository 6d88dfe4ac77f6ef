import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { Service } from '../../support/processes/service.js';
import { soon } from '../../support/load/soon.js';
import { dropEverything, type Json } from '../../support/test-app.js';
import { Cli, settings } from '../../support/cli/cli.js';

const ISOLATIONS = ['row', 'schema', 'database'] as const;

let database: TestDatabase;
let folder: string;
let cli: Cli;
let service: Service | undefined;

beforeAll(async () => {
  database = await createTestDatabase('cli');
  folder = await mkdtemp(join(tmpdir(), 'tenantry-cli-'));
  cli = new Cli({ ...settings(randomBytes(32).toString('base64'), folder), DATABASE_URL: database.url });
});

afterAll(async () => {
  await service?.stop();
  await dropEverything(database);
  await rm(folder, { recursive: true, force: true });
});

/** Asserts how the running server answers the key, a moment after the command at the latest. */
function answers(token: string, status: number): Promise<void> {
  return soon(async () => {
    const response = await fetch(`${service?.url}/api/v1/tenant`, { headers: { authorization: `Bearer ${token}` } });
    await response.arrayBuffer();
    expect(response.status).toBe(status);
  });
}

function slugs({ items }: Json): string[] {
  return items.map(({ slug }: { slug: string }) => slug);
}

describe('the command line without a running server', () => {
  it('provisions a tenant in each isolation', async () => {
    expect(await cli.json('tenants')).toEqual({ items: [], nextCursor: null });
    for (const isolation of ISOLATIONS) {
      const slug = `cli-${isolation}`;
      const ran = await cli.spawn('tenants', 'create', slug, '--isolation', isolation, '--max-queued', '7', '--json');
      expect(ran).toMatchObject({ code: 0, stderr: '' });
      expect(ran.json.tenant).toMatchObject({ slug, isolation, status: 'active', limits: { maxQueuedStatements: 7 } });
      expect(ran.json.operation).toMatchObject({ kind: 'provision', status: 'succeeded', subject: slug });
      expect(ran.json.operation.createdBy).toMatch(/^command line \(.+@.+\)$/);
    }
  });

  it('clones a tenant, with masks, to another isolation, or later', async () => {
    const ran = await cli.spawn(
      'tenants',
      'clone',
      'cli-row',
      '--as',
      'cloned',
      '--isolation',
      'schema',
      '--masked',
      '--json',
    );
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.json.tenant).toMatchObject({ slug: 'cloned', isolation: 'schema', status: 'active' });
    expect(ran.json.operation).toMatchObject({ kind: 'clone', status: 'succeeded', result: { tables: 3, rows: 0 } });
    const later = await cli.run('tenants', 'clone', 'cli-row', '--as', 'cloned-later', '--no-wait', '--json');
    expect(later.json.tenant).toMatchObject({ isolation: 'row', status: 'provisioning' });
    await cli.run('operations', 'follow', later.json.operation.id);
    expect((await cli.json('tenants', 'show', 'cloned-later')).status).toBe('active');
    for (const slug of ['cloned', 'cloned-later']) await cli.json('tenants', 'delete', slug, '--grace', '0', '--yes');
    expect((await cli.run('tenants', 'clone', 'cli-row')).stderr).toContain('--as');
  });

  it('imports tenants of a file with one operation, and all of them or none', async () => {
    const file = join(folder, 'tenants.csv');
    await writeFile(file, 'slug,isolation\nimported-1,row\nimported-2,schema\n');
    const imported = await cli.json('tenants', 'import', file, '--idempotency-key', 'import 1');
    expect(imported).toMatchObject({ kind: 'provision-tenants', status: 'succeeded', result: { provisioned: 2 } });
    expect((await cli.json('tenants', 'import', file, '--idempotency-key', 'import 1')).id).toBe(imported.id);
    await writeFile(file, 'slug,isolation\nimported-1,row\nimported-3,row\n');
    const refused = await cli.spawn('tenants', 'import', file);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('tenants.0.slug');
    expect(slugs(await cli.json('tenants', '--search', 'imported'))).toEqual(['imported-1', 'imported-2']);
    for (const slug of ['imported-1', 'imported-2']) await cli.json('tenants', 'delete', slug, '--grace', '0', '--yes');
  });

  it('prints a table by default', async () => {
    const { code, stdout, stderr } = await cli.spawn('tenants');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [title, ...rows] = stdout.trimEnd().split('\n');
    expect(title).toMatch(/^SLUG +STATUS +ISOLATION +SERVER +DATABASE +SCHEMA +MIGRATED TO$/);
    expect(rows.map((row) => row.split(/\s+/)[0])).toEqual(['cli-database', 'cli-row', 'cli-schema']);
  });

  it('filters and pages the list of tenants', async () => {
    expect(slugs(await cli.json('tenants', '--isolation', 'schema', '--search', 'cli-'))).toEqual(['cli-schema']);
    const page = await cli.json('tenants', '--limit', '2');
    expect(slugs(page)).toEqual(['cli-database', 'cli-row']);
    expect(slugs(await cli.json('tenants', '--limit', '2', '--cursor', page.nextCursor))).toEqual(['cli-schema']);
    expect(await cli.json('tenants', '--limit', '1', '--all')).toMatchObject({
      nextCursor: null,
      items: { length: 3 },
    });
  });

  it('completes an operation created with --no-wait when it is followed', async () => {
    const created = await cli.run('tenants', 'create', 'later', '--isolation', 'row', '--no-wait');
    const id = /operations follow (\S+)/.exec(created.stderr)?.[1] ?? '';
    expect((await cli.json('tenants', 'show', 'later')).status).toBe('provisioning');
    const followed = await cli.run('operations', 'follow', id, '--json');
    const documents = followed.stdout.trimEnd().split('\n');
    const states = documents.map((line) => JSON.parse(line) as { status: string });
    expect(states.at(0)?.status).toBe('pending');
    expect(states.at(-1)).toMatchObject({ id, status: 'succeeded' });
    expect(followed).toMatchObject({ code: 0, stderr: '' });
    expect((await cli.json('tenants', 'show', 'later')).status).toBe('active');
  });

  it('creates nothing more under the same idempotency key', async () => {
    const create = (slug: string) =>
      cli.run('tenants', 'create', slug, '--isolation', 'row', '--idempotency-key', 'signup-1', '--json', '--no-wait');
    const first = await create('once');
    const second = await create('once');
    expect(second.json.operation.id).toBe(first.json.operation.id);
    expect(await create('twice')).toMatchObject({ code: 1, stdout: '', error: { error: { code: 'CONFLICT' } } });
  });

  it('prints how to resume an interrupted operation, and another process can resume it', async () => {
    const blocker = await cli.json('tenants', 'create', 'interrupted', '--isolation', 'row', '--no-wait');
    const { id } = blocker.operation;
    await database.admin("UPDATE operations SET run_after = now() + interval '1 hour' WHERE id = $1", [id]);
    const child = cli.start('operations', 'follow', id);
    const ended = once(child, 'close');
    let stderr = '';
    for await (const chunk of child.stderr.setEncoding('utf8')) {
      const wasWaiting = stderr.includes('pending');
      stderr += String(chunk);
      if (!wasWaiting && stderr.includes('provision interrupted: pending')) child.kill('SIGINT');
    }
    const [code] = (await ended) as [number | null];
    expect(code).toBe(130);
    expect(stderr).toContain(`operations follow ${id}`);
    await database.admin('UPDATE operations SET run_after = now() WHERE id = $1', [id]);
    expect(await cli.run('operations', 'follow', id)).toMatchObject({ code: 0 });
  });
});

describe('the command line next to a running server', () => {
  const keys = new Map<string, { readonly id: string; readonly token: string }>();

  beforeAll(async () => {
    service = await Service.start({ ...cli.env }, await mkdtemp(join(tmpdir(), 'tenantry-cli-server-')));
    for (const isolation of ISOLATIONS) keys.set(isolation, await cli.json('keys', 'create', `cli-${isolation}`));
  });

  it.each(ISOLATIONS)('manages a %s tenant from suspension to deletion', async (isolation) => {
    const slug = `cli-${isolation}`;
    const { token = '', id = '' } = keys.get(isolation) ?? {};
    await answers(token, 200);

    expect((await cli.json('tenants', 'suspend', slug)).status).toBe('suspended');
    await answers(token, 403);
    expect((await cli.json('tenants', 'resume', slug)).status).toBe('active');
    await answers(token, 200);
    const away = await cli.json('tenants', 'maintenance', slug, '--message', 'back soon');
    expect(away).toMatchObject({ status: 'maintenance', message: 'back soon' });
    await answers(token, 503);
    expect((await cli.json('tenants', 'maintenance-end', slug)).status).toBe('active');

    const changed = await cli.json('tenants', 'set', slug, '--domain', `${isolation}.test.example`);
    expect(changed).toMatchObject({ domains: [`${isolation}.test.example`], limits: { maxQueuedStatements: 7 } });
    expect((await cli.json('keys', slug)).map((key: { id: string }) => key.id)).toEqual([id]);
    expect((await cli.json('keys', 'revoke', slug, id)).revokedAt).not.toBeNull();
    await answers(token, 401);

    const deletion = await cli.json('tenants', 'delete', slug, '--yes');
    expect(deletion).toMatchObject({ kind: 'delete', status: 'pending' });
    expect((await cli.json('tenants', 'restore', slug)).status).toBe('active');
    const deleted = await cli.json('tenants', 'delete', slug, '--grace', '0', '--yes');
    expect(deleted).toMatchObject({ kind: 'delete', status: 'succeeded' });
    const report = await cli.run('tenants', 'erasure-report', deleted.id);
    const title = `# Erasure of deleted-${deleted.tenantId.slice(0, 8)}\n`;
    expect(report).toMatchObject({ code: 0, stdout: expect.stringContaining(title), stderr: '' });
    expect(report.stdout).not.toContain(slug);
    const written = await cli.json('tenants', 'erasure-report', deleted.id, '--to', join(folder, `${slug}.md`));
    expect(JSON.parse(await readFile(written.written, 'utf8'))).toMatchObject({ operationId: deleted.id });
    const again = await cli.run('tenants', 'erasure-report', deleted.id, '--to', written.written);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('it exists') });
    expect(await cli.run('tenants', 'show', slug)).toMatchObject({
      code: 1,
      stderr: `tenantry: no such tenant: "${slug}"\n`,
    });
  });

  it('records its user in the audit log', async () => {
    const { items: removals } = await cli.json('audit', '--action', 'tenant.removed', '--limit', '3');
    const { items } = await cli.json('audit', '--subject', removals[0].subjectId);
    const byUs = items.filter(({ actor }: { actor: string }) => actor.startsWith('command line ('));
    const actions = byUs.map(({ action }: { action: string }) => action);
    for (const action of ['tenant.create', 'tenant.suspend', 'tenant.change', 'api-key.revoke', 'tenant.delete']) {
      expect(actions).toContain(action);
    }
  });

  it('migrates tenants, rotates credentials and re-encrypts values', async () => {
    expect(await cli.json('migrate', '--dry-run')).toMatchObject({ units: 0, versions: [] });
    // The catalog is behind what the tables have: the dry run reads the tables, and migrating mends the catalog.
    await database.admin(
      `UPDATE tenants SET schema_version = 'CreateCustomers1764000000000', migration_set = NULL WHERE slug = 'later'`,
    );
    const { stdout } = await cli.run('migrate', '--dry-run');
    expect(stdout).toBe('-- all tenants are up to date with CreateCountries1764000002000\n');
    expect(await cli.json('migrate', '--canary', '1', '--wave', '10')).toMatchObject({ status: 'succeeded' });
    expect((await cli.json('tenants', 'show', 'later')).schemaVersion).toBe('CreateCountries1764000002000');
    expect(await cli.json('reseal')).toMatchObject({ kind: 'reseal', status: 'succeeded' });
    expect(await cli.json('rotate-credentials', '--server', 'default')).toMatchObject({ status: 'succeeded' });
    const { items } = await cli.json('operations', '--kind', 'rotate-credentials');
    expect(items).toMatchObject([{ subject: 'default', status: 'succeeded' }]);
  });
});
