import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { withDatabaseUrl } from '../../../../src/platform/config/app-config.js';
import { readEnvFile } from '../../../../src/platform/config/env-file.js';
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

describe('the .env file in the working directory', () => {
  it('is overridden by the environment, and the source of each variable is reported', () => {
    const cwd = folderWith('PORT=4000\nHOST="::1"\nDB_POOL_SIZE=\nREDIS_DB=3\n');
    const env = { ...REQUIRED, PORT: '5000', REDIS_DB: '' };
    const { config, sources } = loadConfig({ env, cwd });
    expect(config.http).toMatchObject({ host: '::1', port: 5000 });
    expect(config.cache.redis.db).toBe(3);
    expect(sources).toMatchObject({
      PORT: 'environment',
      HOST: '.env',
      DB_POOL_SIZE: 'default',
      REDIS_DB: '.env',
      ADMIN_API_KEY: 'environment',
    });
  });

  it('does not hide which secrets were generated', () => {
    const { sources } = loadConfig({ env: { ADMIN_API_KEY: REQUIRED['ADMIN_API_KEY'] }, cwd: newFolder() });
    expect(sources).toMatchObject({
      ADMIN_API_KEY: 'environment',
      ENCRYPTION_KEYS: 'generated',
      JWT_SECRET: 'default',
    });
  });

  it('has its invalid values reported like those of the environment', () => {
    expect(problemsOf(REQUIRED, folderWith('PORT=http\n'))).toMatchObject([{ variable: 'PORT' }]);
  });

  it('is reported by name when it cannot be read', () => {
    const cwd = newFolder();
    mkdirSync(join(cwd, '.env'));
    expect(problemsOf(REQUIRED, cwd)).toEqual([
      { variable: '.env', expected: expect.stringMatching(/readable file.*EISDIR/) },
    ]);
  });

  it.each([
    ['hunter2\nPORT=4000\n', 1],
    ['PORT=4000\r\nhunter2\r\n', 2],
    ['# a comment\n\nPORT=4000\nhunter2', 4],
    ['2PORT=4000', 1],
    ['LOG_LEVEL="an unclosed quote\nhunter2\n', 1],
    ['HOST=localhost\nA="x\nB="y"', 2],
  ])('is rejected, by number and without its text, when a line is no assignment: %j', (content, line) => {
    expect(problemsOf(REQUIRED, folderWith(content))).toEqual([
      { variable: '.env', expected: `lines of the form NAME=value; line ${line} is not one` },
    ]);
  });

  it.each([
    ['A= \nB=2', { A: '', B: '2' }],
    ['A=1\n \nB=2', { A: '1', B: '2' }],
    ['export  A=1\nexport\tB=2', { A: '1', B: '2' }],
    ['\uFEFFA=1', { A: '1' }],
    ['A=1\rB=2', { A: '1', B: '2' }],
    ["A='it is # no comment' # a comment\nB=2", { A: 'it is # no comment', B: '2' }],
  ])('loses no variable under any version of Node: %j', (content, values) => {
    expect(readEnvFile(join(folderWith(content), '.env'))).toEqual(values);
  });

  it('may have comments, blank lines, exports, and quoted values over several lines', () => {
    const content = `# comment\n\n  export PORT = 4000 # the port\nJWT_SECRET="first line\nsecond line"\nHOST='::1'`;
    expect(readEnvFile(join(folderWith(content), '.env'))).toEqual({
      PORT: '4000',
      JWT_SECRET: 'first line\nsecond line',
      HOST: '::1',
    });
  });
});

describe('the defaults that depend on other variables', () => {
  const DATABASE = { ...REQUIRED, DATABASE_URL: 'postgres://db.test/catalog' };
  const EMBEDDED_PRODUCTION = { ...PRODUCTION, DATABASE_URL: '', EMBEDDED_POSTGRES: 'true' };

  it.each<[string, Variables, object]>([
    ['development', REQUIRED, { format: 'pretty', embedded: true, demoTenants: true, apiDocs: true, console: true }],
    [
      'test',
      { ...REQUIRED, NODE_ENV: 'test' },
      { format: 'pretty', embedded: true, demoTenants: true, apiDocs: true, console: true },
    ],
    ['a database', DATABASE, { format: 'pretty', embedded: false, demoTenants: false, apiDocs: true, console: true }],
    ['production', PRODUCTION, { format: 'json', embedded: false, demoTenants: false, apiDocs: false, console: false }],
    [
      'embedded production',
      EMBEDDED_PRODUCTION,
      { format: 'json', embedded: true, demoTenants: true, apiDocs: false, console: false },
    ],
  ])('are as documented for %s', (_, env, expected) => {
    const { log, database, features } = configOf(env, newFolder());
    expect({
      format: log.format,
      embedded: database.embedded,
      demoTenants: features.demoTenants,
      apiDocs: features.apiDocs,
      console: features.console,
    }).toEqual(expected);
  });
});

it('DATA_DIR is resolved against the working directory', () => {
  const cwd = newFolder();
  expect(configOf(REQUIRED, cwd).dataDir).toBe(join(cwd, '.data'));
  expect(configOf({ ...REQUIRED, DATA_DIR: '../elsewhere' }, cwd).dataDir).toBe(join(cwd, '..', 'elsewhere'));
});

it('loading the configuration writes no file when every secret is set', () => {
  const cwd = newFolder();
  configOf(REQUIRED, cwd);
  expect(readdirSync(cwd)).toEqual([]);
});

describe('the loaded configuration', () => {
  const thawed = (value: unknown, path = 'loaded'): string[] => {
    if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return [];
    const inside = Object.entries(value).flatMap(([key, part]) => thawed(part, `${path}.${key}`));
    return Object.isFrozen(value) ? inside : [path, ...inside];
  };

  it('is frozen deeply, as are its sources', () => {
    expect(thawed(loadConfig({ env: { ...REQUIRED }, cwd: newFolder() }))).toEqual([]);
  });

  it('is copied, not changed, when the URL of embedded PostgreSQL is set', () => {
    const config = configOf(REQUIRED, newFolder());
    const started = withDatabaseUrl(config, 'postgres://127.0.0.1:6000/catalog');
    expect(thawed(started)).toEqual([]);
    expect(config.database.url).toBeUndefined();
    expect(started).toEqual({ ...config, database: { ...config.database, url: 'postgres://127.0.0.1:6000/catalog' } });
  });
});
