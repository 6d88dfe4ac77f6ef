import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { SecretsFileInvalidError } from '../../../../src/platform/data-dir/data-dir.errors.js';
import { DataDirNotWritableError } from '../../../../src/platform/data-dir/data-dir.errors.js';
import { GeneratedSecrets } from '../../../../src/platform/data-dir/generated-secrets.js';
import { configOf, thrownBy, REQUIRED, temporaryFolders } from '../../../support/config-fixture.js';

const newFolder = temporaryFolders();
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
const neverCalled = () => {
  throw new Error('generated although it exists');
};

describe('a generated secret', () => {
  it('is the same in every later process', () => {
    const dataDir = join(newFolder(), 'data');
    expect(new GeneratedSecrets(dataDir).getOrCreate('owner', () => 's3cret')).toBe('s3cret');
    expect(new GeneratedSecrets(dataDir).getOrCreate('owner', neverCalled)).toBe('s3cret');
  });

  it('is added to the existing ones', () => {
    const secrets = new GeneratedSecrets(newFolder());
    secrets.getOrCreate('first', () => '1');
    secrets.getOrCreate('second', () => '2');
    expect(JSON.parse(readFileSync(secrets.path, 'utf8'))).toEqual({ first: '1', second: '2' });
  });

  it('is readable by its owner only, as is its folder, and no temporary file is left', () => {
    const dataDir = join(newFolder(), 'nested', 'data');
    const { path } = new GeneratedSecrets(dataDir);
    new GeneratedSecrets(dataDir).getOrCreate('owner', () => 's3cret');
    expect(mode(path)).toBe('600');
    expect(mode(dataDir)).toBe(process.getuid?.() === 0 ? '711' : '700'); // root's PostgreSQL must pass through
    expect(readdirSync(dataDir)).toEqual(['secrets.json']);
  });

  it('does not change the mode of an existing folder', () => {
    const dataDir = newFolder();
    chmodSync(dataDir, 0o755);
    new GeneratedSecrets(dataDir).getOrCreate('owner', () => 's3cret');
    expect(mode(dataDir)).toBe('755');
  });

  it('is not generated when its file is invalid, and the file is not changed', () => {
    for (const content of ['', '{ "owner": "hunt', '[]', 'null', '{ "owner": 1 }', '{ "owner": "" }']) {
      const secrets = new GeneratedSecrets(newFolder());
      writeFileSync(secrets.path, content);
      const error = thrownBy(() => secrets.getOrCreate('other', neverCalled));
      expect(error).toBeInstanceOf(SecretsFileInvalidError);
      expect(error).toMatchObject({ code: 'SECRETS_FILE_INVALID', message: expect.not.stringContaining('hunt') });
      expect(readFileSync(secrets.path, 'utf8')).toBe(content);
    }
  });

  it('is not generated when its file cannot be read', () => {
    const secrets = new GeneratedSecrets(newFolder());
    mkdirSync(secrets.path);
    expect(() => secrets.getOrCreate('owner', neverCalled)).toThrow(SecretsFileInvalidError);
  });
});

describe('a DATA_DIR that cannot be written to', () => {
  it.each([
    ['a file in its place', '.'],
    ['a file in place of its parent', 'data'],
  ])('is reported in one line when there is %s', (_, below) => {
    const file = join(newFolder(), 'file');
    writeFileSync(file, '');
    const dataDir = join(file, below);
    const error = thrownBy(() => new GeneratedSecrets(dataDir).getOrCreate('owner', () => 's3cret'));
    expect(error).toBeInstanceOf(DataDirNotWritableError);
    expect(error).toMatchObject({
      code: 'DATA_DIR_NOT_WRITABLE',
      message: `cannot write to DATA_DIR (${dataDir}): not a directory (ENOTDIR)`,
    });
  });

  it('is reported when the folder may not be written to', () => {
    // Rejects root as well: entries of /proc cannot be created.
    const dataDir = existsSync('/proc/self') ? '/proc/tenantry' : '/dev/null/tenantry';
    const error = thrownBy(() => new GeneratedSecrets(dataDir).getOrCreate('owner', () => 's3cret'));
    expect(error).toMatchObject({ code: 'DATA_DIR_NOT_WRITABLE', dataDir });
  });
});

describe('the secrets in the configuration', () => {
  it('are generated when they are not set, and saved', () => {
    const cwd = newFolder();
    const { security, dataDir } = configOf({}, cwd);
    expect(security.adminApiKey).toMatch(/^adm_[\w-]{43}$/);
    expect(security.encryptionKeys.map(({ id, key }) => [id, key.length])).toEqual([['generated', 32]]);
    expect(mode(join(dataDir, 'secrets.json'))).toBe('600');
    expect(configOf({}, cwd).security).toEqual(security);
    expect(configOf({}, newFolder()).security.adminApiKey).not.toBe(security.adminApiKey);
  });

  it('are not generated or saved when the environment sets them', () => {
    const cwd = newFolder();
    const { security, dataDir } = configOf({ ADMIN_API_KEY: 'an-admin-key-of-tests' }, cwd);
    expect(security.adminApiKey).toBe('an-admin-key-of-tests');
    expect(Object.keys(JSON.parse(readFileSync(join(dataDir, 'secrets.json'), 'utf8')))).toEqual(['ENCRYPTION_KEYS']);
  });

  it('are validated when they come from the file', () => {
    const cwd = newFolder();
    writeFileSync(join(cwd, 'secrets.json'), '{ "ADMIN_API_KEY": "hunter2" }');
    const error = thrownBy(() => configOf({ DATA_DIR: cwd }, cwd));
    expect(error).toMatchObject({ code: 'SECRETS_FILE_INVALID', message: expect.stringContaining('ADMIN_API_KEY') });
    expect(error).toMatchObject({ message: expect.not.stringContaining('hunter2') });
  });

  it('are not read from the file when the environment sets all of them', () => {
    const cwd = newFolder();
    writeFileSync(join(cwd, 'secrets.json'), 'not JSON');
    expect(configOf({ ...REQUIRED, DATA_DIR: cwd }, cwd).security.adminApiKey).toBe(REQUIRED['ADMIN_API_KEY']);
  });
});
