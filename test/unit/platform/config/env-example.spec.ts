import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { expect, it } from '@jest/globals';
import { environmentTable, VARIABLE_NAMES } from '../../../../src/platform/config/environment.js';
import { configOf, REQUIRED, temporaryFolders } from '../../../support/config-fixture.js';

const temporaryFolder = temporaryFolders();
const ASSIGNMENT = /^# ([A-Z][A-Z\d_]*)=(.*)$/;

const lines = readFileSync(new URL('../../../../.env.example', import.meta.url), 'utf8').split('\n');
const documented = lines.flatMap((line, index) => {
  const [, name, value] = ASSIGNMENT.exec(line) ?? [];
  return name === undefined ? [] : [{ name, value, meaning: lines[index - 1] ?? '' }];
});

it('.env.example documents exactly the variables of the code, once each and in the same order', () => {
  expect(documented.map(({ name }) => name)).toEqual(VARIABLE_NAMES);
});

it('.env.example explains every variable in the line above it', () => {
  const bare = documented.filter(({ meaning }) => !/^# \S.*\.$/.test(meaning));
  expect(bare.map(({ name }) => name)).toEqual([]);
});

it.each(VARIABLE_NAMES)('%s has a description in the code, too', (name) => {
  expect(environmentTable.shape[name].description).toMatch(/\w/);
});

it('.env.example sets no variable as it is', () => {
  expect(parseEnv(lines.join('\n'))).toEqual({});
});

it('.env.example shows the default values of the code', () => {
  const folder = temporaryFolder();
  const defaults = configOf(REQUIRED, folder);
  for (const { name, value = '' } of documented) {
    // One at a time: a default that depends on another variable must not be hidden by it.
    expect({ name, config: configOf({ [name]: value, ...REQUIRED }, folder) }).toEqual({ name, config: defaults });
  }
});

it('.env.example shows every default value of the code', () => {
  const dependent = ['LOG_FORMAT', 'EMBEDDED_POSTGRES', 'ENABLE_DEMO_TENANTS', 'ENABLE_API_DOCS', 'ENABLE_CONSOLE'];
  const inCode = VARIABLE_NAMES.filter((name) => environmentTable.shape[name].safeParse(undefined).data !== undefined);
  const inFile = documented.filter(({ value }) => value !== '').map(({ name }) => name);
  expect(inFile.toSorted()).toEqual([...inCode, ...dependent].toSorted());
});
