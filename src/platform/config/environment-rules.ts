import type { Environment, VariableName } from './environment.js';

/** What several variables must agree on. */
interface EnvironmentRule {
  /** The variable to change. */
  readonly variable: VariableName;
  readonly expected: string;
  /** The others that `broken` looks at. A rule is not asked when one of its variables is bad in itself. */
  readonly besides: readonly VariableName[];
  readonly broken: (environment: Environment) => boolean;
}

export const environmentRules: readonly EnvironmentRule[] = [
  {
    variable: 'DATABASE_URL',
    expected: 'to be set in production, or EMBEDDED_POSTGRES=true',
    besides: ['NODE_ENV', 'EMBEDDED_POSTGRES'],
    broken: (env) => isProduction(env) && env.DATABASE_URL === undefined && env.EMBEDDED_POSTGRES !== true,
  },
  {
    variable: 'DATABASE_URL',
    expected: 'to be set, because EMBEDDED_POSTGRES is false',
    besides: ['NODE_ENV', 'EMBEDDED_POSTGRES'],
    broken: (env) => !isProduction(env) && env.DATABASE_URL === undefined && env.EMBEDDED_POSTGRES === false,
  },
  {
    variable: 'EMBEDDED_POSTGRES',
    expected: 'not to be true together with DATABASE_URL',
    besides: ['DATABASE_URL'],
    broken: (env) => env.EMBEDDED_POSTGRES === true && env.DATABASE_URL !== undefined,
  },
  {
    variable: 'DATABASE_DIRECT_URL',
    expected: 'to be set, because DB_POOLER is transaction',
    besides: ['DB_POOLER'],
    broken: (env) => env.DB_POOLER === 'transaction' && env.DATABASE_DIRECT_URL === undefined,
  },
  {
    // Otherwise sessions would go to that server, and everything else to the embedded one.
    variable: 'DATABASE_DIRECT_URL',
    expected: 'not to be set without DATABASE_URL',
    besides: ['DATABASE_URL'],
    broken: (env) => env.DATABASE_DIRECT_URL !== undefined && env.DATABASE_URL === undefined,
  },
  {
    // Otherwise DATABASE_URL would not be used at all.
    variable: 'DATABASE_DIRECT_URL',
    expected: 'not to be set without DB_POOLER',
    besides: ['DB_POOLER'],
    broken: (env) => env.DATABASE_DIRECT_URL !== undefined && env.DB_POOLER === undefined,
  },
  {
    variable: 'ADMIN_API_KEY',
    expected: 'to be set in production',
    besides: ['NODE_ENV'],
    broken: (env) => isProduction(env) && env.ADMIN_API_KEY === undefined,
  },
  {
    variable: 'ENCRYPTION_KEYS',
    expected: 'to be set in production',
    besides: ['NODE_ENV'],
    broken: (env) => isProduction(env) && env.ENCRYPTION_KEYS === undefined,
  },
  {
    variable: 'JWT_SECRET',
    expected: 'not to be set together with JWT_JWKS_URL',
    besides: ['JWT_JWKS_URL'],
    broken: (env) => env.JWT_SECRET !== undefined && env.JWT_JWKS_URL !== undefined,
  },
];

function isProduction(environment: Environment): boolean {
  return environment.NODE_ENV === 'production';
}
