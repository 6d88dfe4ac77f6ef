import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { baseEnvironment, dropEverything } from '../../support/test-app.js';

const FILE = fileURLToPath(new URL('../../support/testing/sample-with-node-test.mjs', import.meta.url));

describe('describeTenantIsolation without the globals of a test runner', () => {
  let database: TestDatabase;
  let dataDir: string;

  beforeAll(async () => {
    database = await createTestDatabase('catalog');
    dataDir = await mkdtemp(join(tmpdir(), 'tenantry-app-'));
  });

  afterAll(async () => {
    await dropEverything(database);
    await rm(dataDir, { recursive: true, force: true });
  });

  it('registers its tests with node:test', async () => {
    const env = { PATH: process.env['PATH'], ...baseEnvironment(database.url, dataDir) };
    const run = spawn(process.execPath, ['--test', '--test-reporter', 'tap', FILE], { env });
    const [output] = await Promise.all([text(run.stdout), once(run, 'exit')]);
    expect(output).toContain('# pass 3');
    expect(output).toContain('# fail 0');
  });
});
