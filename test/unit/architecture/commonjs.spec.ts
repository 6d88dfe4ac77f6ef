import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';

const SRC = fileURLToPath(new URL('../../../src/', import.meta.url));

/** Started as ES modules, never part of the package. */
const PROGRAMS = /^(?:app|server)\/|^(?:main|cli)\.ts$/;

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.ts') && !PROGRAMS.test(file),
);

it.each([
  ['import.meta', /\bimport\.meta\b/],
  ['await at the top level', /^(?:(?:export )?(?:const|let) .*= )?await /m],
])('sources that are compiled to CommonJS have no %s', (_, pattern) => {
  expect(files.length).toBeGreaterThan(100);
  expect(files.filter((file) => pattern.test(readFileSync(SRC + file, 'utf8')))).toEqual([]);
});
