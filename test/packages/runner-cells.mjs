// The test runners that `tenantry/testing` works under, each in a host application of its own.

const HOOKS = 'afterAll, afterEach, beforeAll, describe, it';

/** How each runner is installed and started; specs are compiled, but for Jest in CommonJS, which has ts-jest. */
export const RUNNERS = {
  'jest-cjs': {
    packages: {}, // a CommonJS host has them
    imports: '',
    command: ['node_modules/jest/bin/jest.js', '--testTimeout', '60000'],
  },
  'jest-esm': {
    packages: { jest: '^30.0.0', '@jest/globals': '^30.0.0' },
    imports: `import { ${HOOKS} } from '@jest/globals';`,
    command: ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--config', 'jest.config.json'],
    files: {
      'jest.config.json': '{ "testMatch": ["<rootDir>/dist/*.spec.js"], "testTimeout": 60000, "transform": {} }\n',
    },
  },
  vitest: {
    packages: { vitest: '^4.0.0' },
    imports: `import { ${HOOKS} } from 'vitest';`,
    command: ['node_modules/vitest/vitest.mjs', 'run'],
    files: {
      'vitest.config.mjs':
        "export default { test: { hookTimeout: 60_000, include: ['dist/*.spec.js'], exclude: [] } };\n",
    },
  },
  'node-cjs': {
    packages: {},
    imports: "import { after as afterAll, afterEach, before as beforeAll, describe, it } from 'node:test';",
    command: ['--test', 'dist/tenancy.1.spec.js', 'dist/tenancy.2.spec.js'],
  },
  'node-esm': {
    packages: {},
    imports: "import { after as afterAll, afterEach, before as beforeAll, describe, it } from 'node:test';",
    command: ['--test', 'dist/tenancy.1.spec.js', 'dist/tenancy.2.spec.js'],
  },
};

export const RUNNER_CELLS = [
  { runner: 'jest-cjs', nest: '11', http: 'express', format: 'cjs', typeorm: '0.3', node: '20', typescript: '5.4' },
  { runner: 'jest-esm', nest: '12', http: 'fastify', format: 'esm', typeorm: '1', node: '22', typescript: '7.0' },
  { runner: 'vitest', nest: '12', http: 'express', format: 'esm', typeorm: '1', node: '24', typescript: '7.0' },
  { runner: 'node-cjs', nest: '11', http: 'fastify', format: 'cjs', typeorm: '1', node: '22', typescript: '5.4' },
  { runner: 'node-esm', nest: '12', http: 'express', format: 'esm', typeorm: '1', node: '20', typescript: '7.0' },
];
