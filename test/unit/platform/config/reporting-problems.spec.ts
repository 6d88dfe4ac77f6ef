import { readdirSync } from 'node:fs';
import { inspect } from 'node:util';
import { expect, it } from '@jest/globals';
import { ConfigurationError } from '../../../../src/platform/config/config.errors.js';
import { VARIABLE_NAMES } from '../../../../src/platform/config/environment.js';
import { configOf, problemsOf, thrownBy, temporaryFolders, variablesOf } from '../../../support/config-fixture.js';

const newFolder = temporaryFolders();

it('a configuration error lists all invalid and contradicting variables at once, in the order of the table', () => {
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

it('the message of a configuration error is formatted for a terminal', () => {
  const error = thrownBy(() => configOf({ PORT: '70000', EMBEDDED_POSTGRES: 'false' }, newFolder()));
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

it.each(VARIABLE_NAMES.filter((name) => name !== 'REDIS_PASSWORD'))(
  'a configuration error does not show the invalid value of %s',
  (name) => {
    // Invalid for every type: white space, a NUL, too short for a secret.
    const value = 'hunter2 \0';
    const error = thrownBy(() => configOf({ [name]: value }, newFolder()));
    expect(error).toMatchObject({ problems: [{ variable: name }] });
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2');
  },
);

it('a configuration error shows no secrets inside URLs and key rings', () => {
  const env = {
    DATABASE_URL: 'postgres://user:hunter2%@db.test/catalog',
    REDIS_URL: 'redis://:hunter2@cache.test/zero',
    ENCRYPTION_KEYS: 'k1:hunter2',
    ADMIN_API_KEY: 'hunter2',
    JWT_SECRET: 'hunter2',
  };
  const error = thrownBy(() => configOf(env, newFolder()));
  expect(error).toMatchObject({ problems: { length: 5 } });
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2');
});

it('an invalid configuration writes no file', () => {
  const folder = newFolder();
  expect(variablesOf(problemsOf({ PORT: 'http' }, folder))).toEqual(['PORT']);
  expect(readdirSync(folder)).toEqual([]);
});
