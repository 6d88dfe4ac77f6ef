import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cli, settings } from '../../support/cli/cli.js';
import { freePort } from '../../support/processes/free-port.js';

let folder: string;
let cli: Cli;
let address: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenantry-wait-'));
  address = `127.0.0.1:${await freePort()}`;
  cli = new Cli({
    ...settings(randomBytes(32).toString('base64'), folder),
    ...{ DATABASE_URL: `postgres://app:secret@${address}/app`, STARTUP_WAIT: '1' },
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('a command that waits for PostgreSQL at its start says once what for, and how long', async () => {
  const { code, stdout, stderr } = await cli.run('tenants');
  expect([code, stdout]).toEqual([1, '']);
  const [waiting, gaveUp, ...rest] = stderr.trim().split('\n');
  expect(waiting).toMatch(new RegExp(`^Waiting up to 1 s: the catalog at app@${address}/app cannot be reached: `));
  expect(gaveUp).toMatch(/^tenantry: waited 1 s \(STARTUP_WAIT\): /);
  expect(rest).toEqual([]);
});

it('with --json the error alone is on stderr', async () => {
  const { code, error } = await cli.run('tenants', '--json');
  expect([code, error.error.code]).toEqual([1, 'STARTUP_TIMEOUT']);
});
