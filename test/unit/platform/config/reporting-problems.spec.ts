import { readdirSync } from 'node:fs';
import { inspect } from 'node:util';
import { expect, test } from '@jest/globals';
import { ConfigurationError } from '../../../../src/platform/config/config.errors.js';
import { VARIABLE_NAMES } from '../../../../src/platform/config/environment.js';
import { configOf, problemsOf, refusalOf, temporaryFolders, variablesOf } from '../../../support/config-fixture.js';

const newFolder = temporaryFolders();

test('every bad variable is listed at once, those that disagree too, in the order of the table', () => {
  const env = {
    NODE_ENV: 'production',
    METRICS_PUBLIC: 'maybe',
    DB_POOLER: 'transaction',
    PORT: 'http',
    DATABASE_URL: 'mysql://db.test/catalog',
    JWT_SECRET: 'short',
  };
  expect(variablesOf(problemsOf(env, newFolder()))).toEqual([
    'PORT',
    'DATABASE_URL',
    'DATABASE_DIRECT_URL',
    'ADMIN_API_KEY',
    'ENCRYPTION_KEYS',
    'JWT_SECRET',
    'METRICS_PUBLIC',
  ]);
});

test('the message reads well on a terminal', () => {
  const error = refusalOf(() => configOf({ PORT: '70000', EMBEDDED_POSTGRES: 'false' }, newFolder()));
  expect(error).toBeInstanceOf(ConfigurationError);
  expect(error).toMatchObject({
    code: 'CONFIGURATION_INVALID',
    message: [
      'The configuration is invalid:',
      '  PORT          expected a whole number from 0 to 65535',
      '  DATABASE_URL  expected to be set, because EMBEDDED_POSTGRES is false',
      'See .env.example for a description of every variable.',
    ].join('\n'),
  });
});

test.each(VARIABLE_NAMES.filter((name) => name !== 'REDIS_PASSWORD'))('a bad %s is never shown', (name) => {
  // Bad for every type: white space, a NUL, too short for a secret.
  const value = 'hunter2 \0';
  const error = refusalOf(() => configOf({ [name]: value }, newFolder()));
  expect(error).toMatchObject({ problems: [{ variable: name }] });
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2');
});

test('secrets inside addresses and key rings are not shown either', () => {
  const env = {
    DATABASE_URL: 'postgres://user:hunter2%@db.test/catalog',
    REDIS_URL: 'redis://:hunter2@cache.test/zero',
    ENCRYPTION_KEYS: 'k1:hunter2',
    ADMIN_API_KEY: 'hunter2',
    JWT_SECRET: 'hunter2',
  };
  const error = refusalOf(() => configOf(env, newFolder()));
  expect(error).toMatchObject({ problems: { length: 5 } });
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2');
});

test('nothing is written when something is bad', () => {
  const folder = newFolder();
  expect(variablesOf(problemsOf({ PORT: 'http' }, folder))).toEqual(['PORT']);
  expect(readdirSync(folder)).toEqual([]);
});
