import { describe, expect, it } from '@jest/globals';
import {
  PRODUCTION,
  problemsOf,
  REQUIRED,
  temporaryFolders,
  type Variables,
  variablesOf,
} from '../../../support/config-fixture.js';

const DATABASE_URL = 'postgres://db.test/catalog';
const DATABASE_DIRECT_URL = 'postgres://db.test:5433/catalog';
const TENANT_DATABASE_URL = 'postgres://app@db.test/tenants';
const JWT_JWKS_URL = 'https://issuer.test/jwks.json';
const JWT_SECRET = 's'.repeat(32);

const SIGN_IN: Variables = {
  PUBLIC_URL: 'https://admin.example.com',
  OIDC_ISSUER: 'https://login.example.com',
  OIDC_CLIENT_ID: 'tenantry',
  OIDC_ROLES: 'ops=operator',
};

interface Agreement {
  readonly rule: string;
  readonly variable: string;
  readonly broken: Variables;
  readonly kept: readonly Variables[];
}

const agreements: readonly Agreement[] = [
  {
    rule: 'production needs a database',
    variable: 'DATABASE_URL',
    broken: without(PRODUCTION, 'DATABASE_URL'),
    kept: [PRODUCTION, { ...without(PRODUCTION, 'DATABASE_URL'), EMBEDDED_POSTGRES: 'true' }],
  },
  {
    rule: 'EMBEDDED_POSTGRES=false does not replace a database in production',
    variable: 'DATABASE_URL',
    broken: { ...without(PRODUCTION, 'DATABASE_URL'), EMBEDDED_POSTGRES: 'false' },
    kept: [{ ...PRODUCTION, EMBEDDED_POSTGRES: 'false' }],
  },
  {
    rule: 'every environment needs a database or embedded PostgreSQL',
    variable: 'DATABASE_URL',
    broken: { ...REQUIRED, EMBEDDED_POSTGRES: 'false' },
    kept: [REQUIRED, { ...REQUIRED, EMBEDDED_POSTGRES: 'false', DATABASE_URL }],
  },
  {
    rule: 'embedded PostgreSQL and a database contradict each other',
    variable: 'EMBEDDED_POSTGRES',
    broken: { ...REQUIRED, EMBEDDED_POSTGRES: 'true', DATABASE_URL },
    kept: [
      { ...REQUIRED, EMBEDDED_POSTGRES: 'true' },
      { ...REQUIRED, DATABASE_URL },
    ],
  },
  {
    rule: 'each worker needs connections for tenants besides those that are kept free',
    variable: 'DB_SERVER_MAX_CONNECTIONS',
    broken: { ...REQUIRED, WORKERS: '3', DB_SERVER_MAX_CONNECTIONS: '20' },
    kept: [
      { ...REQUIRED, WORKERS: '3', DB_SERVER_MAX_CONNECTIONS: '21' },
      { ...REQUIRED, WORKERS: '1', DB_SERVER_MAX_CONNECTIONS: '1' },
    ],
  },
  {
    rule: 'a pooler needs a direct address',
    variable: 'DATABASE_DIRECT_URL',
    broken: { ...REQUIRED, DATABASE_URL, DB_POOLER: 'transaction' },
    kept: [{ ...REQUIRED, DATABASE_URL, DB_POOLER: 'transaction', DATABASE_DIRECT_URL }],
  },
  {
    rule: 'a direct address needs a database',
    variable: 'DATABASE_DIRECT_URL',
    broken: { ...REQUIRED, DATABASE_DIRECT_URL, DB_POOLER: 'transaction' },
    kept: [{ ...REQUIRED, DATABASE_URL, DATABASE_DIRECT_URL, DB_POOLER: 'transaction' }],
  },
  {
    rule: 'a direct address needs a pooler',
    variable: 'DATABASE_DIRECT_URL',
    broken: { ...REQUIRED, DATABASE_URL, DATABASE_DIRECT_URL },
    kept: [{ ...REQUIRED, DATABASE_URL, DATABASE_DIRECT_URL, DB_POOLER: 'transaction' }],
  },
  {
    rule: 'a provided database for tenants needs a catalog',
    variable: 'TENANT_DATABASE_URL',
    broken: { ...REQUIRED, TENANT_DATABASE_URL },
    kept: [{ ...REQUIRED, DATABASE_URL, TENANT_DATABASE_URL }],
  },
  {
    rule: 'a provided database for tenants is on the server of the catalog',
    variable: 'TENANT_DATABASE_URL',
    broken: { ...REQUIRED, DATABASE_URL, TENANT_DATABASE_URL: 'postgres://app@other.test/tenants' },
    kept: [
      { ...REQUIRED, DATABASE_URL, TENANT_DATABASE_URL },
      {
        ...{ ...REQUIRED, DATABASE_URL, DB_POOLER: 'transaction', DATABASE_DIRECT_URL },
        TENANT_DATABASE_URL: 'postgres://app@db.test:5433/tenants',
      },
      {
        ...{ ...REQUIRED, DATABASE_URL: 'postgres://a.test,b.test/catalog' },
        TENANT_DATABASE_URL: 'postgres://app@b.test,a.test:5432/tenants',
      },
    ],
  },
  {
    rule: 'tenants are not served with the owner',
    variable: 'TENANT_DATABASE_URL',
    broken: {
      ...REQUIRED,
      DATABASE_URL: 'postgres://same@db.test/catalog',
      TENANT_DATABASE_URL: 'postgres://same@db.test/a',
    },
    kept: [{ ...REQUIRED, DATABASE_URL, TENANT_DATABASE_URL }],
  },
  {
    rule: 'production needs an admin key',
    variable: 'ADMIN_API_KEY',
    broken: without(PRODUCTION, 'ADMIN_API_KEY'),
    kept: [PRODUCTION],
  },
  {
    rule: 'production needs encryption keys',
    variable: 'ENCRYPTION_KEYS',
    broken: without(PRODUCTION, 'ENCRYPTION_KEYS'),
    kept: [PRODUCTION],
  },
  {
    rule: 'tokens are verified in one way only',
    variable: 'JWT_SECRET',
    broken: { ...REQUIRED, JWT_SECRET, JWT_JWKS_URL },
    kept: [
      { ...REQUIRED, JWT_SECRET },
      { ...REQUIRED, JWT_JWKS_URL },
    ],
  },
  ...['OIDC_CLIENT_ID', 'OIDC_ROLES', 'PUBLIC_URL'].map((variable) => ({
    rule: `sign-in through a provider needs ${variable}`,
    variable,
    broken: { ...REQUIRED, ...without(SIGN_IN, variable) },
    kept: [{ ...REQUIRED, ...SIGN_IN }],
  })),
  ...['OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET', 'OIDC_ROLES', 'OIDC_PROVIDER_NAME'].map((variable) => ({
    rule: `${variable} needs a provider`,
    variable,
    broken: { ...REQUIRED, [variable]: 'ops=viewer' },
    kept: [{ ...REQUIRED, ...SIGN_IN, [variable]: 'ops=viewer' }],
  })),
];

const folder = temporaryFolders()();

describe.each(agreements)('the rule that $rule', ({ variable, broken, kept }) => {
  it('reports the variable when it is broken', () => {
    expect(variablesOf(problemsOf(broken, folder))).toEqual([variable]);
  });

  it('reports nothing when it is kept', () => {
    for (const env of kept) expect(problemsOf(env, folder)).toEqual([]);
  });
});

it('an invalid variable is not reported a second time for a rule about several variables', () => {
  const env = { ...PRODUCTION, DATABASE_URL: 'nonsense', EMBEDDED_POSTGRES: 'true' };
  expect(variablesOf(problemsOf(env, folder))).toEqual(['DATABASE_URL']);
});

function without(env: Variables, name: string): Variables {
  return Object.fromEntries(Object.entries(env).filter(([other]) => other !== name));
}
