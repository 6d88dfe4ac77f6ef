import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { backups } from '../../../../../src/doctor/checks/backups/backups.js';
import type { ConfigContext } from '../../../../../src/doctor/diagnosis/check.js';
import { loadConfig } from '../../../../../src/platform/config/load-config.js';
import { REQUIRED } from '../../../../support/config-fixture.js';
import { freePort } from '../../../../support/processes/free-port.js';
import { useS3Environment } from '../../../../support/object-store/s3-environment.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tenantry-store-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const port = await freePort();
useS3Environment(() => `http://127.0.0.1:${port}`);

async function findings(url?: string) {
  const loaded = loadConfig({ env: { ...REQUIRED, ...(url !== undefined && { BACKUP_URL: url }) }, cwd: folder });
  return backups.run({ loaded } as ConfigContext);
}

it('without BACKUP_URL there is nothing to check', async () => {
  expect(await findings()).toEqual([{ check: 'backups', verdict: 'ok', message: 'not configured (BACKUP_URL)' }]);
});

it('a folder is written to, and left empty', async () => {
  const { href } = pathToFileURL(folder);
  expect(await findings(href)).toEqual([{ check: 'backups', verdict: 'ok', message: `${href} is writable` }]);
  expect(readdirSync(folder)).toEqual([]);
});

it('a folder that is missing fails', async () => {
  const { href } = pathToFileURL(join(folder, 'missing'));
  expect(await findings(href)).toEqual([
    expect.objectContaining({
      verdict: 'fail',
      message: `the store ${href} is unavailable: the folder does not exist`,
    }),
  ]);
});

it('a folder that cannot be written to fails', async () => {
  writeFileSync(join(folder, 'doctor'), 'not a folder');
  expect(await findings(pathToFileURL(folder).href)).toEqual([
    expect.objectContaining({ verdict: 'fail', message: expect.stringContaining('refused the call') }),
  ]);
});

it('an S3 that cannot be reached fails, without credentials in the finding', async () => {
  const [finding] = await findings('s3://my-bucket/eu');
  expect(finding).toMatchObject({ check: 'backups', verdict: 'fail' });
  expect(finding?.message).toMatch(/^the store s3:\/\/my-bucket\/eu is unavailable: \w+$/);
});
