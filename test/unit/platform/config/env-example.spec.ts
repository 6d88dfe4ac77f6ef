import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { expect, test } from '@jest/globals';
import { environmentTable, VARIABLE_NAMES } from '../../../../src/platform/config/environment.js';
import { configOf, REQUIRED, temporaryFolders } from '../../../support/config-fixture.js';

const temporaryFolder = temporaryFolders();
const ASSIGNMENT = /^# ([A-Z][A-Z\d_]*)=(.*)$/;

const lines = readFileSync(new URL('../../../../.env.example', import.meta.url), 'utf8').split('\n');
const documented = lines.flatMap((line, index) => {
  const [, name, value] = ASSIGNMENT.exec(line) ?? [];
  return name === undefined ? [] : [{ name, value, meaning: lines[index - 1] ?? '' }];
});

test('every variable of the code is documented once, in the same order, and no other', () => {
  expect(documented.map(({ name }) => name)).toEqual(VARIABLE_NAMES);
});

test('every variable has a line that says what it means', () => {
  const bare = documented.filter(({ meaning }) => !/^# \S.*\.$/.test(meaning));
  expect(bare.map(({ name }) => name)).toEqual([]);
});

test.each(VARIABLE_NAMES)('%s is described in the code too', (name) => {
  expect(environmentTable.shape[name].description).toMatch(/\w/);
});

test('the file as it is sets nothing', () => {
  expect(parseEnv(lines.join('\n'))).toEqual({});
});

test('every default is the one of the code', () => {
  const folder = temporaryFolder();
  const defaults = configOf(REQUIRED, folder);
  for (const { name, value = '' } of documented) {
    // One at a time: what depends on another variable must not hide behind it.
    expect({ name, config: configOf({ [name]: value, ...REQUIRED }, folder) }).toEqual({ name, config: defaults });
  }
});

test('no default of the code is missing from the file', () => {
  const dependent = ['LOG_FORMAT', 'EMBEDDED_POSTGRES', 'ENABLE_DEMO_TENANTS', 'ENABLE_API_DOCS'];
  const inCode = VARIABLE_NAMES.filter((name) => environmentTable.shape[name].safeParse(undefined).data !== undefined);
  const inFile = documented.filter(({ value }) => value !== '').map(({ name }) => name);
  expect(inFile.toSorted()).toEqual([...inCode, ...dependent].toSorted());
});
