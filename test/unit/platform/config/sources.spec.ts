import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { withDatabaseUrl } from '../../../../src/platform/config/app-config.js';
import { loadConfig } from '../../../../src/platform/config/load-config.js';
import {
  configOf,
  PRODUCTION,
  problemsOf,
  REQUIRED,
  temporaryFolders,
  type Variables,
} from '../../../support/config-fixture.js';

const newFolder = temporaryFolders();

function folderWith(envFile: string): string {
  const folder = newFolder();
  writeFileSync(join(folder, '.env'), envFile);
  return folder;
}

describe('.env in the working directory', () => {
  test('is overridden by the environment, and each source is told', () => {
    const cwd = folderWith('PORT=4000\nHOST="::1"\nDB_POOL_SIZE=\nREDIS_DB=3\n');
    const env = { ...REQUIRED, PORT: '5000', REDIS_DB: '' };
    const { config, sources } = loadConfig({ env, cwd });
    expect(config.http).toEqual({ host: '::1', port: 5000 });
    expect(config.cache.redis.db).toBe(3);
    expect(sources).toMatchObject({
      PORT: 'environment',
      HOST: '.env',
      DB_POOL_SIZE: 'default',
      REDIS_DB: '.env',
      ADMIN_API_KEY: 'environment',
    });
  });

  test('tells what was generated', () => {
    const { sources } = loadConfig({ env: { ADMIN_API_KEY: REQUIRED['ADMIN_API_KEY'] }, cwd: newFolder() });
    expect(sources).toMatchObject({
      ADMIN_API_KEY: 'environment',
      ENCRYPTION_KEYS: 'generated',
      JWT_SECRET: 'default',
    });
  });

  test('has its bad values reported like those of the environment', () => {
    expect(problemsOf(REQUIRED, folderWith('PORT=http\n'))).toMatchObject([{ variable: 'PORT' }]);
  });

  test('that cannot be read is an error by name', () => {
    const cwd = newFolder();
    mkdirSync(join(cwd, '.env'));
    expect(problemsOf(REQUIRED, cwd)).toEqual([
      { variable: '.env', expected: expect.stringMatching(/readable file.*EISDIR/) },
    ]);
  });

  test('with a line that is no assignment is refused: the parser would drop the variable behind it', () => {
    expect(problemsOf(REQUIRED, folderWith('hunter2\nPORT=4000\n'))).toEqual([
      { variable: '.env', expected: 'lines of the form NAME=value' },
    ]);
  });
});

describe('defaults that depend on other variables', () => {
  const DATABASE = { ...REQUIRED, DATABASE_URL: 'postgres://db.test/catalog' };
  const EMBEDDED_PRODUCTION = { ...PRODUCTION, DATABASE_URL: '', EMBEDDED_POSTGRES: 'true' };

  test.each<[string, Variables, object]>([
    ['development', REQUIRED, { format: 'pretty', embedded: true, demoTenants: true, apiDocs: true }],
    ['test', { ...REQUIRED, NODE_ENV: 'test' }, { format: 'pretty', embedded: true, demoTenants: true, apiDocs: true }],
    ['a database', DATABASE, { format: 'pretty', embedded: false, demoTenants: false, apiDocs: true }],
    ['production', PRODUCTION, { format: 'json', embedded: false, demoTenants: false, apiDocs: false }],
    ['embedded production', EMBEDDED_PRODUCTION, { format: 'json', embedded: true, demoTenants: true, apiDocs: false }],
  ])('in %s', (_, env, expected) => {
    const { log, database, features } = configOf(env, newFolder());
    expect({
      format: log.format,
      embedded: database.embedded,
      demoTenants: features.demoTenants,
      apiDocs: features.apiDocs,
    }).toEqual(expected);
  });
});

test('DATA_DIR is taken from the working directory', () => {
  const cwd = newFolder();
  expect(configOf(REQUIRED, cwd).dataDir).toBe(join(cwd, '.data'));
  expect(configOf({ ...REQUIRED, DATA_DIR: '../elsewhere' }, cwd).dataDir).toBe(join(cwd, '..', 'elsewhere'));
});

test('nothing is written when every secret is given', () => {
  const cwd = newFolder();
  configOf(REQUIRED, cwd);
  expect(readdirSync(cwd)).toEqual([]);
});

describe('the configuration is frozen', () => {
  const thawed = (value: unknown, path = 'loaded'): string[] => {
    if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return [];
    const inside = Object.entries(value).flatMap(([key, part]) => thawed(part, `${path}.${key}`));
    return Object.isFrozen(value) ? inside : [path, ...inside];
  };

  test('to its last part, and its sources too', () => {
    expect(thawed(loadConfig({ env: { ...REQUIRED }, cwd: newFolder() }))).toEqual([]);
  });

  test('and stays so when the address of embedded PostgreSQL is set, which leaves the first one alone', () => {
    const config = configOf(REQUIRED, newFolder());
    const started = withDatabaseUrl(config, 'postgres://127.0.0.1:6000/catalog');
    expect(thawed(started)).toEqual([]);
    expect(config.database.url).toBeUndefined();
    expect(started).toEqual({ ...config, database: { ...config.database, url: 'postgres://127.0.0.1:6000/catalog' } });
  });
});
