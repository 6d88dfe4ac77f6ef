import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { POOL_OPTIONS } from '../../../support/pool/test-pool.js';
import { createTenantDatabase, type TenantDatabase } from '../../../support/postgres/tenant-database.js';

const MANY = 15;
const BUILT = new URL('../../../../dist/database/', import.meta.url);

/** In a process of its own: Node writes warnings around Jest. */
const OPEN_MANY = `
  const { ServerBudget } = await import('${BUILT.href}budget/server-budget.js');
  const { TargetPool } = await import('${BUILT.href}pool/target-pool.js');
  const { target, options } = JSON.parse(process.env.POOL);
  const pool = new TargetPool({ target, options, budget: new ServerBudget(${MANY}) });
  await pool.warmUp();
  console.log(pool.counts().total);
  await pool.end();`;

let database: TenantDatabase;

beforeAll(async () => {
  database = await createTenantDatabase();
});

afterAll(() => database.drop());

it('many connections that are opened at once print no warning of Node', async () => {
  const POOL = JSON.stringify({ target: database.target, options: { ...POOL_OPTIONS, size: MANY } });
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', OPEN_MANY], {
    env: { ...process.env, POOL },
  });
  expect(stdout.trim()).toBe(String(MANY));
  expect(stderr).toBe('');
});
