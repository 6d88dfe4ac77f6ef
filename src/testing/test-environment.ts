import { randomBytes } from 'node:crypto';
import { loadHostConfig } from '../platform/config/host-config.js';
import { TestDatabaseNotUsedError } from './testing.errors.js';

type Variables = Readonly<Record<string, string>>;

/** Variables that would lead to another database than `DATABASE_URL`. */
const OTHER_DATABASES = ['DB_POOLER', 'DATABASE_DIRECT_URL', 'TENANT_DATABASE_URL', 'DATABASE_REPLICAS'];

/** The variables of an application under test. Secrets are given, so that none are generated on disk. */
export function testEnvironment(catalogUrl: string, extra: Variables): Variables {
  return {
    NODE_ENV: 'test',
    DATABASE_URL: catalogUrl,
    EMBEDDED_POSTGRES: 'false',
    ENCRYPTION_KEYS: `test:${randomBytes(32).toString('base64')}`,
    ADMIN_API_KEY: randomBytes(24).toString('base64url'),
    ENABLE_REDIS_CACHE: 'false',
    ENABLE_TENANT_CRON: 'false',
    ...extra,
  };
}

/**
 * Sets the variables in `process.env`, where the application reads them.
 *
 * @returns puts back what was there
 * @throws TestDatabaseNotUsedError when `.env` names further databases
 */
export function enterEnvironment(variables: Variables): () => void {
  const names = [...Object.keys(variables), ...OTHER_DATABASES];
  const before = names.map((name) => [name, process.env[name]] as const);
  const restore = (): void => {
    for (const [name, value] of before) setVariable(name, value);
  };
  for (const name of names) setVariable(name, variables[name]);
  try {
    assertNoOtherDatabase();
  } catch (error) {
    restore();
    throw error;
  }
  return restore;
}

/** Before anything connects: a test that empties tables must never do so in the database of a `.env` file. */
function assertNoOtherDatabase(): void {
  const input = { env: process.env, cwd: process.cwd() };
  const { pooler, directUrl, tenantUrl } = loadHostConfig(input, { tokens: false, adminKey: false }).config.database;
  if (pooler === undefined && directUrl === undefined && tenantUrl === undefined) return;
  throw new TestDatabaseNotUsedError(`.env sets one of ${OTHER_DATABASES.join(', ')}`);
}

function setVariable(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}
