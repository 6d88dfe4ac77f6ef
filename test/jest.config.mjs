import { fileURLToPath } from 'node:url';

const rootDir = fileURLToPath(new URL('..', import.meta.url));

const swc = {
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    keepClassNames: true,
    transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
  },
  module: { type: 'es6' },
  sourceMaps: 'inline',
};

const SETUP = ['<rootDir>/test/support/disable-former-storages.ts'];

const project = (name, extra = {}) => ({
  displayName: name,
  rootDir,
  testEnvironment: 'node',
  modulePathIgnorePatterns: ['<rootDir>/examples/existing-app/'], // its two package.json have one name
  testMatch: [`<rootDir>/test/${name}/**/*.spec.ts`],
  extensionsToTreatAsEsm: ['.ts'],
  // What the examples import.
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^tenantry$': '<rootDir>/src/index.ts',
    '^tenantry/(bullmq|pg-boss)$': '<rootDir>/src/$1.ts',
  },
  transform: { '^.+\\.ts$': ['@swc/jest', swc] },
  setupFiles: SETUP,
  ...extra,
});

// One PostgreSQL for a whole run: started from the compiled embedded server, its URL handed to the workers by environment.
const services = {
  globalSetup: '<rootDir>/test/support/start-services.mjs',
  globalTeardown: '<rootDir>/test/support/stop-services.mjs',
};

const silent = { setupFiles: [...SETUP, '<rootDir>/test/support/silent-logs.ts'] };

export default {
  rootDir,
  maxWorkers: 2, // as cores: a third one leaves the servers under test too little time, and deadlines of tests pass
  testTimeout: 60_000,
  projects: [
    project('unit'),
    project('integration', { ...services, ...silent }),
    project('e2e', services),
    project('soak', { ...services, ...silent }),
    project('packages', {
      ...services,
      ...silent,
      testMatch: ['data-layers', 'guides'].map((suite) => `<rootDir>/test/packages/${suite}/*.spec.ts`),
      // One node-postgres for the libraries and the package, as npm installs it in an application.
      moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1', '^pg$': '<rootDir>/node_modules/pg' },
    }),
  ],
};
