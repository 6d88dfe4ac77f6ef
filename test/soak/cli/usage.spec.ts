import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase, testServer } from '../../support/postgres/postgres.js';
import { dropEverything, type Json } from '../../support/test-app.js';
import { Cli, settings } from '../../support/cli/cli.js';

let database: TestDatabase;
let folder: string;
let cli: Cli;

beforeAll(async () => {
  database = await createTestDatabase('cli');
  folder = await mkdtemp(join(tmpdir(), 'tenantry-cli-'));
  cli = new Cli({ ...settings(randomBytes(32).toString('base64'), folder), DATABASE_URL: database.url });
});

afterAll(async () => {
  await dropEverything(database);
  await rm(folder, { recursive: true, force: true });
});

async function everything(): Promise<Json> {
  return database.admin(`SELECT (SELECT json_agg(t) FROM tenants t) AS tenants, (SELECT json_agg(s) FROM servers s) AS servers,
    (SELECT json_agg(k) FROM api_keys k) AS keys, (SELECT json_agg(o) FROM operations o) AS operations,
    (SELECT json_agg(a) FROM audit_log a) AS audit`);
}

describe("the CLI's help", () => {
  it('names every command, with examples and exit codes', async () => {
    const { code, stdout, stderr } = await cli.spawn('--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const name of ['tenants', 'keys', 'servers', 'operations', 'migrate', 'reseal', 'audit', 'doctor']) {
      expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    }
    expect(stdout).toMatch(/Examples:[\s\S]*Exit codes:/);
  });

  it.each([
    ['tenants'],
    ['tenants', 'create'],
    ['tenants', 'delete'],
    ['keys'],
    ['servers'],
    ['servers', 'add'],
    ['operations'],
    ['migrate'],
    ['rotate-credentials'],
    ['reseal'],
    ['audit'],
    ['doctor'],
  ])('exists for %s %s', async (...command) => {
    const { code, stdout } = await cli.run(...command, '--help');
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: tenantry ${command.join(' ')}`);
    expect(stdout).toMatch(/--json/);
  });
});

describe('a CLI usage error', () => {
  it.each([
    [['nonsense'], "unknown command 'nonsense'", ''],
    [['tenants', 'nonsense'], "unknown command 'tenants nonsense'", 'tenants '],
    [['tenants', 'show'], "missing required argument 'slug'", 'tenants show '],
    [['tenants', 'create', 'hooli'], "required option '--isolation <isolation>' not specified", 'tenants create '],
    [['--module', 'x.js', 'tenants', 'show'], "missing required argument 'slug'", 'tenants show '],
    [['tenants', '--nonsense'], "unknown option '--nonsense'", 'tenants list '],
    [['tenants', 'delete', 'hooli', '--grace', 'soon'], 'must be a duration such as 7d', 'tenants delete '],
    [['keys'], "missing required argument 'slug'", 'keys list '],
    [[], 'missing command', ''],
  ])('exits with 2, explains the error, and names the help for it: %j', async (args, message, helpOf) => {
    const ran = await cli.run(...args);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toMatch(/^tenantry: /);
    expect(ran.stderr).toContain(message);
    expect(ran.stderr).toMatch(new RegExp(`^See: npm run tenantry -- ${helpOf}--help$`, 'm'));
  });

  it('is reported as JSON with --json', async () => {
    const ran = await cli.run('nonsense', '--json');
    expect(ran).toMatchObject({ code: 2, stdout: '', error: { error: { code: 'USAGE' } } });
  });
});

describe('invalid input to the CLI', () => {
  const HOSTILE = [
    "'; DROP TABLE tenants; --",
    '"quoted"',
    'Großkunde',
    'раypal', // its first letters are Cyrillic
    'admin',
    'a'.repeat(64),
    'a'.repeat(100_000),
    '../../etc/passwd',
    '$(reboot)',
    '\u001B[31mred',
    'two\nlines',
    '',
  ];

  it('is rejected by field and changes nothing', async () => {
    await cli.json('tenants');
    const before = await everything();
    for (const slug of HOSTILE) {
      const ran = await cli.run('tenants', 'create', slug, '--isolation', 'row', '--json');
      expect(ran).toMatchObject({ code: 2, stdout: '' });
      expect(ran.error.error).toMatchObject({ code: 'VALIDATION_FAILED', fields: [{ field: 'slug' }] });
      if (slug.length > 5) expect(ran.stderr).not.toContain(slug);
    }
    for (const args of [
      ['tenants', 'create', 'hooli', '--isolation', 'planet'],
      ['tenants', 'create', 'hooli', '--isolation', 'row', '--domain', "o'hooli.com"],
      ['tenants', 'create', 'hooli', '--isolation', 'row', '--server', 'Robert"); --'],
      ['tenants', 'create', 'hooli', '--isolation', 'row', '--max-concurrent', '0'],
      ['tenants', 'create', 'hooli', '--isolation', 'row', '--idempotency-key', 'ключ'],
      ['tenants', '--status', 'happy'],
      ['tenants', '--limit', '1001'],
      ['tenants', '--search', '%'],
      ['keys', 'revoke', 'hooli', "' OR true --"],
      ['operations', 'show', 'x'],
      ['operations', '--cursor', 'x'],
      ['audit', '--subject', "' OR true --"],
      ['migrate', '--parallel', '0'],
      ['migrate', '--tenant', 'no-such-tenant'],
      ['rotate-credentials'],
      ['servers', 'add', 'eu', '--host', 'nowhere', '--owner-role', 'x'],
    ]) {
      expect({ args, ...(await cli.run(...args)) }).toMatchObject({ args, code: 2, stdout: '' });
    }
    expect(await everything()).toEqual(before);
  });

  it('includes hostile and unknown names', async () => {
    for (const name of HOSTILE) {
      for (const args of [
        ['tenants', 'show', name],
        ['tenants', 'suspend', name],
        ['keys', 'list', name],
        ['servers', 'drain', name],
      ]) {
        expect({ args, ...(await cli.run(...args)) }).toMatchObject({ args, code: 1, stdout: '' });
      }
    }
    expect(await cli.run('operations', 'show', '00000000-0000-4000-8000-000000000000')).toMatchObject({ code: 1 });
  });

  it('includes an invalid configuration', async () => {
    const ran = await cli.runAmid({ env: { DB_POOL_SIZE: 'many' } }, 'tenants');
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    expect(ran.stderr).toContain('DB_POOL_SIZE');
    expect(ran.stderr).not.toContain('many');
  });
});

describe('an operation started from the CLI', () => {
  it('that fails is reported with exit code 1 and may succeed when retried', async () => {
    const { operation } = await cli.json('tenants', 'create', 'phoenix', '--isolation', 'row', '--no-wait');
    expect(await cli.json('operations', 'cancel', operation.id)).toMatchObject({ status: 'cancelled' });
    const followed = await cli.run('operations', 'follow', operation.id);
    expect(followed.code).toBe(1);
    expect(followed.stdout).toMatch(/^status +cancelled$/m);
    expect(followed.stderr).toMatch(/^tenantry: provision phoenix: cancelled$/m);
    expect(await cli.json('operations', 'retry', operation.id)).toMatchObject({ status: 'succeeded' });
    expect(await cli.run('operations', 'retry', operation.id)).toMatchObject({ code: 1, stdout: '' });
    expect((await cli.json('operations', 'show', operation.id)).tenants).toEqual({ items: [], nextCursor: null });
  });
});

describe('an irreversible CLI command', () => {
  beforeAll(async () => {
    await cli.json('tenants', 'create', 'doomed', '--isolation', 'row', '--no-wait');
    await cli.json('operations', 'cancel', (await cli.json('operations', '--tenant', 'doomed')).items[0].id);
  });

  it('is refused without a terminal to confirm it', async () => {
    const ran = await cli.run('tenants', 'delete', 'doomed');
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toContain('--yes');
  });

  it('asks for confirmation on a terminal and does nothing without it', async () => {
    const declined = await cli.runAmid({ terminal: true, input: 'yes\n' }, 'tenants', 'delete', 'doomed');
    expect(declined).toMatchObject({ code: 1, stdout: '' });
    expect(declined.stderr).toContain('nothing was changed');
    expect((await cli.json('tenants', 'show', 'doomed')).status).toBe('failed');
    const confirmed = await cli.runAmid({ terminal: true, input: 'doomed\n' }, 'tenants', 'delete', 'doomed');
    expect(confirmed.code).toBe(0);
    expect((await cli.json('tenants', 'show', 'doomed')).status).toBe('deleting');
  });
});

describe('the CLI on a terminal', () => {
  it('shows a progress bar while it works and removes it', async () => {
    const ran = await cli.runAmid({ terminal: true }, 'tenants', 'create', 'barred', '--isolation', 'row');
    expect(ran.code).toBe(0);
    expect(ran.stderr).toMatch(/[█░]{24} provision barred: /);
    expect(ran.stderr.endsWith('\r\u001B[K')).toBe(true);
    expect(ran.stdout).toMatch(/^status +active$/m);
  });
});

describe('servers', () => {
  it('are registered with a password that is no argument, and removed again', async () => {
    const { host, port, owner, ownerPassword } = testServer();
    const described = ['--host', host, '--port', String(port), '--owner-role', owner];
    const wrong = await cli.runAmid(
      { input: 'wrong\n' },
      'servers',
      'add',
      'two',
      ...described,
      '--owner-password-stdin',
    );
    expect(wrong).toMatchObject({ code: 2 });
    expect(wrong.stderr).toMatch(/ownerPassword: /);
    const added = await cli.runAmid(
      { input: `${ownerPassword}\n` },
      ...['servers', 'add', 'two', ...described, '--owner-password-stdin', '--json'],
    );
    expect(added.json).toMatchObject({ name: 'two', host, port, ownerRole: owner });
    expect(added.stdout).not.toContain(ownerPassword);
    const changed = await cli.runAmid(
      { env: { TENANTRY_OWNER_PASSWORD: ownerPassword } },
      ...['servers', 'set', 'two', '--max-connections', '20', '--json'],
    );
    expect(changed.json.maxConnections).toBe(20);
    expect((await cli.json('servers')).map(({ name }: { name: string }) => name)).toEqual(['default', 'two']);
    expect(await cli.run('servers', 'remove', 'two')).toMatchObject({ code: 1 });
    expect((await cli.json('servers', 'drain', 'two')).draining).toBe(true);
    expect((await cli.json('servers', 'undrain', 'two')).draining).toBe(false);
    await cli.json('servers', 'drain', 'two');
    expect(await cli.json('servers', 'remove', 'two')).toEqual({ name: 'two', removed: true });
  });
});
