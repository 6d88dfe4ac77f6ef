import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { SecretsFileLockedError } from '../../../../src/platform/data-dir/data-dir.errors.js';
import { withLockFile } from '../../../../src/platform/data-dir/exclusive-lock-file.js';
import { GeneratedSecrets } from '../../../../src/platform/data-dir/generated-secrets.js';
import { thrownBy, temporaryFolders } from '../../../support/config-fixture.js';
import { compileConfig, kill, startProcess } from '../../../support/processes/start-process.js';

const newFolder = temporaryFolders();
const compiled = newFolder();
beforeAll(() => compileConfig(compiled));

const LOAD_ON_INPUT = `
  import { once } from 'node:events';
  const { loadConfig } = await import('${compiled}/platform/config/load-config.js');
  const { GeneratedSecrets } = await import('${compiled}/platform/data-dir/generated-secrets.js');
  console.log('ready');
  await once(process.stdin, 'data');
  const { config } = loadConfig({ env: process.env, cwd: process.cwd() });
  const later = new GeneratedSecrets(config.dataDir).getOrCreate('later', () => String(process.pid));
  console.log(JSON.stringify({ ...config.security, later }));
  process.stdin.destroy();
`;

const HOLD = (lock: string) => `
  const { withLockFile } = await import('${compiled}/platform/data-dir/exclusive-lock-file.js');
  withLockFile('${lock}', () => {
    console.log('held');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
  });
`;

it('processes that start at the same time use the same secrets', async () => {
  const cwd = newFolder();
  const processes = Array.from({ length: 6 }, () => startProcess(LOAD_ON_INPUT, cwd));
  for (const started of processes) expect(await started.line()).toBe('ready');
  for (const { child } of processes) child.stdin?.write('go');
  const seen = await Promise.all(processes.map(({ line }) => line()));
  await Promise.all(processes.map(({ child }) => child.exitCode ?? once(child, 'exit')));
  expect(JSON.parse(seen[0] ?? '')).toMatchObject({
    adminApiKey: expect.stringMatching(/^adm_/),
    later: expect.any(String),
  });
  expect(new Set(seen).size).toBe(1);
  expect(readdirSync(join(cwd, '.data'))).toEqual(['secrets.json']);
});

describe('the lock file', () => {
  it('of a running process is respected, and the error names the file to delete', async () => {
    const lock = join(newFolder(), 'lock');
    const holder = startProcess(HOLD(lock), compiled);
    expect(await holder.line()).toBe('held');
    const error = thrownBy(() => withLockFile(lock, () => 'done', 50));
    await kill(holder);
    expect(error).toBeInstanceOf(SecretsFileLockedError);
    expect(error).toMatchObject({ code: 'SECRETS_FILE_LOCKED', message: expect.stringContaining(lock) });
  });

  it('of a killed process is taken over', async () => {
    const dataDir = newFolder();
    const secrets = new GeneratedSecrets(dataDir);
    const holder = startProcess(HOLD(`${secrets.path}.lock`), compiled);
    expect(await holder.line()).toBe('held');
    await kill(holder);
    expect(existsSync(`${secrets.path}.lock`)).toBe(true);
    expect(secrets.getOrCreate('owner', () => 's3cret')).toBe('s3cret');
    expect(readdirSync(dataDir)).toEqual(['secrets.json']);
  });

  it('of an earlier process with the same pid is taken over, as in a restarted container', () => {
    const lock = join(newFolder(), 'lock');
    writeFileSync(lock, `${hostname()} ${process.pid}`);
    expect(withLockFile(lock, () => 'done', 50)).toBe('done');
  });

  it.each([
    ['by a process of another machine', `elsewhere-${hostname()} 999999999`],
    ['by an unknown process', ''],
    ['by an invalid pid', `${hostname()} ?`],
  ])('is never broken when it is held %s', (_, content) => {
    const lock = join(newFolder(), 'lock');
    writeFileSync(lock, content);
    expect(() => withLockFile(lock, () => 'done', 50)).toThrow(SecretsFileLockedError);
    expect(existsSync(lock)).toBe(true);
  });

  it('is not broken while another process breaks it', () => {
    const lock = join(newFolder(), 'lock');
    writeFileSync(lock, `${hostname()} 999999999`);
    writeFileSync(`${lock}.break`, '');
    expect(() => withLockFile(lock, () => 'done', 50)).toThrow(SecretsFileLockedError);
  });

  it('is released when the work fails', () => {
    const lock = join(newFolder(), 'lock');
    const failing = () =>
      withLockFile(lock, () => {
        throw new Error('work failed');
      });
    expect(failing).toThrow('work failed');
    expect(withLockFile(lock, () => 'done')).toBe('done');
  });
});
