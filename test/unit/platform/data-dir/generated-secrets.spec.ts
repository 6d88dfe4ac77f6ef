import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { SecretsFileInvalidError } from '../../../../src/platform/data-dir/data-dir.errors.js';
import { DataDirNotWritableError } from '../../../../src/platform/data-dir/data-dir.errors.js';
import { GeneratedSecrets } from '../../../../src/platform/data-dir/generated-secrets.js';
import { configOf, refusalOf, REQUIRED, temporaryFolders } from '../../../support/config-fixture.js';

const newFolder = temporaryFolders();
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
const neverCalled = () => {
  throw new Error('generated although there is one');
};

describe('a generated secret', () => {
  test('is the same ever after', () => {
    const dataDir = join(newFolder(), 'data');
    expect(new GeneratedSecrets(dataDir).getOrCreate('owner', () => 's3cret')).toBe('s3cret');
    expect(new GeneratedSecrets(dataDir).getOrCreate('owner', neverCalled)).toBe('s3cret');
  });

  test('joins those that are there', () => {
    const secrets = new GeneratedSecrets(newFolder());
    secrets.getOrCreate('first', () => '1');
    secrets.getOrCreate('second', () => '2');
    expect(JSON.parse(readFileSync(secrets.path, 'utf8'))).toEqual({ first: '1', second: '2' });
  });

  test('can be read by its owner only, file and folder, and nothing else is left behind', () => {
    const dataDir = join(newFolder(), 'nested', 'data');
    const { path } = new GeneratedSecrets(dataDir);
    new GeneratedSecrets(dataDir).getOrCreate('owner', () => 's3cret');
    expect(mode(path)).toBe('600');
    expect(mode(dataDir)).toBe(process.getuid?.() === 0 ? '711' : '700'); // root's PostgreSQL must pass through
    expect(readdirSync(dataDir)).toEqual(['secrets.json']);
  });

  test('leaves the mode of a folder that was there alone', () => {
    const dataDir = newFolder();
    chmodSync(dataDir, 0o755);
    new GeneratedSecrets(dataDir).getOrCreate('owner', () => 's3cret');
    expect(mode(dataDir)).toBe('755');
  });

  test('is not generated when its file does not say what it holds, and the file is left as it is', () => {
    for (const content of ['', '{ "owner": "hunt', '[]', 'null', '{ "owner": 1 }', '{ "owner": "" }']) {
      const secrets = new GeneratedSecrets(newFolder());
      writeFileSync(secrets.path, content);
      const error = refusalOf(() => secrets.getOrCreate('other', neverCalled));
      expect(error).toBeInstanceOf(SecretsFileInvalidError);
      expect(error).toMatchObject({ code: 'SECRETS_FILE_INVALID', message: expect.not.stringContaining('hunt') });
      expect(readFileSync(secrets.path, 'utf8')).toBe(content);
    }
  });

  test('is not generated when its file cannot be read', () => {
    const secrets = new GeneratedSecrets(newFolder());
    mkdirSync(secrets.path);
    expect(() => secrets.getOrCreate('owner', neverCalled)).toThrow(SecretsFileInvalidError);
  });
});

describe('DATA_DIR that cannot be written to', () => {
  test.each([
    ['a file in its place', '.'],
    ['a file above it', 'data'],
  ])('%s: one clear line', (_, below) => {
    const file = join(newFolder(), 'file');
    writeFileSync(file, '');
    const dataDir = join(file, below);
    const error = refusalOf(() => new GeneratedSecrets(dataDir).getOrCreate('owner', () => 's3cret'));
    expect(error).toBeInstanceOf(DataDirNotWritableError);
    expect(error).toMatchObject({
      code: 'DATA_DIR_NOT_WRITABLE',
      message: `cannot write to DATA_DIR (${dataDir}): not a directory (ENOTDIR)`,
    });
  });

  test('a folder that may not be written to', () => {
    // The one that refuses root as well: nobody creates entries in /proc.
    const dataDir = existsSync('/proc/self') ? '/proc/tenantry' : '/dev/null/tenantry';
    const error = refusalOf(() => new GeneratedSecrets(dataDir).getOrCreate('owner', () => 's3cret'));
    expect(error).toMatchObject({ code: 'DATA_DIR_NOT_WRITABLE', dataDir });
  });
});

describe('the secrets of the configuration', () => {
  test('are generated where they are not given, and kept', () => {
    const cwd = newFolder();
    const { security, dataDir } = configOf({}, cwd);
    expect(security.adminApiKey).toMatch(/^adm_[\w-]{43}$/);
    expect(security.encryptionKeys.map(({ id, key }) => [id, key.length])).toEqual([['generated', 32]]);
    expect(mode(join(dataDir, 'secrets.json'))).toBe('600');
    expect(configOf({}, cwd).security).toEqual(security);
    expect(configOf({}, newFolder()).security.adminApiKey).not.toBe(security.adminApiKey);
  });

  test('give way to those of the environment, which are not written down', () => {
    const cwd = newFolder();
    const { security, dataDir } = configOf({ ADMIN_API_KEY: 'an-admin-key-of-tests' }, cwd);
    expect(security.adminApiKey).toBe('an-admin-key-of-tests');
    expect(Object.keys(JSON.parse(readFileSync(join(dataDir, 'secrets.json'), 'utf8')))).toEqual(['ENCRYPTION_KEYS']);
  });

  test('are checked like those of the environment when they come from the file', () => {
    const cwd = newFolder();
    writeFileSync(join(cwd, 'secrets.json'), '{ "ADMIN_API_KEY": "hunter2" }');
    const error = refusalOf(() => configOf({ DATA_DIR: cwd }, cwd));
    expect(error).toMatchObject({ code: 'SECRETS_FILE_INVALID', message: expect.stringContaining('ADMIN_API_KEY') });
    expect(error).toMatchObject({ message: expect.not.stringContaining('hunter2') });
  });

  test('are not looked for when all are given', () => {
    const cwd = newFolder();
    writeFileSync(join(cwd, 'secrets.json'), 'not JSON');
    expect(configOf({ ...REQUIRED, DATA_DIR: cwd }, cwd).security.adminApiKey).toBe(REQUIRED['ADMIN_API_KEY']);
  });
});
