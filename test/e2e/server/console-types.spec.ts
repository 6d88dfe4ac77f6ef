import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { format, resolveConfig } from 'prettier';
import { renderApiTypes } from '../../../console/api-types.mjs';
import { TestApp } from '../../support/test-app.js';

const FILE = 'console/src/api/types.ts';
let app: TestApp;

beforeAll(async () => {
  app = await TestApp.start();
});

afterAll(async () => app.dispose());

it("the console's types are those of the OpenAPI document (CONSOLE_TYPES=write writes them)", async () => {
  const { body } = await app.call('/docs-json');
  const options = { ...(await resolveConfig(FILE)), filepath: FILE };
  const types = await format(renderApiTypes(body), options);
  if (process.env['CONSOLE_TYPES'] === 'write') writeFileSync(FILE, types);
  expect(readFileSync(FILE, 'utf8')).toBe(types);
});
