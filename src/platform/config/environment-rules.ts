import { addressText, parseDatabaseUrl } from '../postgres/database-url.js';
import type { Environment, VariableName } from './environment.js';
import { LEAST_CATALOG_SHARE } from './worker-share.js';

/** A constraint between variables. */
interface EnvironmentRule {
  /** The variable to change. */
  readonly variable: VariableName;
  readonly expected: string;
  /** The other variables `isViolated` reads. The rule is skipped when any of its variables is invalid by itself. */
  readonly dependsOn: readonly VariableName[];
  readonly isViolated: (environment: Environment) => boolean;
}

export const environmentRules: readonly EnvironmentRule[] = [
  {
    variable: 'DATABASE_URL',
    expected: 'to be set in production, or EMBEDDED_POSTGRES=true',
    dependsOn: ['NODE_ENV', 'EMBEDDED_POSTGRES'],
    isViolated: (env) => isProduction(env) && env.DATABASE_URL === undefined && env.EMBEDDED_POSTGRES !== true,
  },
  {
    variable: 'DATABASE_URL',
    expected: 'to be set, because EMBEDDED_POSTGRES is false',
    dependsOn: ['NODE_ENV', 'EMBEDDED_POSTGRES'],
    isViolated: (env) => !isProduction(env) && env.DATABASE_URL === undefined && env.EMBEDDED_POSTGRES === false,
  },
  {
    variable: 'EMBEDDED_POSTGRES',
    expected: 'not to be true together with DATABASE_URL',
    dependsOn: ['DATABASE_URL'],
    isViolated: (env) => env.EMBEDDED_POSTGRES === true && env.DATABASE_URL !== undefined,
  },
  {
    variable: 'DATABASE_DIRECT_URL',
    expected: 'to be set, because DB_POOLER is transaction',
    dependsOn: ['DB_POOLER'],
    isViolated: (env) => env.DB_POOLER === 'transaction' && env.DATABASE_DIRECT_URL === undefined,
  },
  {
    // Otherwise sessions would use that server, and everything else the embedded one.
    variable: 'DATABASE_DIRECT_URL',
    expected: 'not to be set without DATABASE_URL',
    dependsOn: ['DATABASE_URL'],
    isViolated: (env) => env.DATABASE_DIRECT_URL !== undefined && env.DATABASE_URL === undefined,
  },
  {
    // Otherwise DATABASE_URL would never be used.
    variable: 'DATABASE_DIRECT_URL',
    expected: 'not to be set without DB_POOLER',
    dependsOn: ['DB_POOLER'],
    isViolated: (env) => env.DATABASE_DIRECT_URL !== undefined && env.DB_POOLER === undefined,
  },
  {
    variable: 'TENANT_DATABASE_URL',
    expected: 'not to be set without DATABASE_URL',
    dependsOn: ['DATABASE_URL'],
    isViolated: (env) => env.TENANT_DATABASE_URL !== undefined && env.DATABASE_URL === undefined,
  },
  {
    variable: 'TENANT_DATABASE_URL',
    expected: 'to have the host and port of DATABASE_URL, or of DATABASE_DIRECT_URL',
    dependsOn: ['DATABASE_URL', 'DATABASE_DIRECT_URL'],
    isViolated: ({ TENANT_DATABASE_URL: provided, DATABASE_URL: url, DATABASE_DIRECT_URL: direct }) =>
      provided !== undefined && url !== undefined && ![url, direct ?? url].some((owner) => areOf(owner, provided)),
  },
  {
    // Otherwise row-level security would not hold the role: it owns the tables.
    variable: 'TENANT_DATABASE_URL',
    expected: 'to name another role than DATABASE_URL',
    dependsOn: ['DATABASE_URL', 'DATABASE_DIRECT_URL'],
    isViolated: ({ TENANT_DATABASE_URL: provided, DATABASE_URL: url, DATABASE_DIRECT_URL: direct }) =>
      provided !== undefined &&
      [url, direct].some(
        (owner) => owner !== undefined && parseDatabaseUrl(owner).role === parseDatabaseUrl(provided).role,
      ),
  },
  {
    // Otherwise a worker's tenants would have no connection, or the workers together more than the limit.
    variable: 'DB_SERVER_MAX_CONNECTIONS',
    expected: `to be at least ${LEAST_CATALOG_SHARE} for each of the WORKERS`,
    dependsOn: ['WORKERS'],
    isViolated: (env) => env.WORKERS > 1 && env.DB_SERVER_MAX_CONNECTIONS < LEAST_CATALOG_SHARE * env.WORKERS,
  },
  {
    variable: 'BACKUP_EVERY',
    expected: 'not to be set without BACKUP_URL',
    dependsOn: ['BACKUP_URL'],
    isViolated: (env) => env.BACKUP_EVERY !== undefined && env.BACKUP_URL === undefined,
  },
  {
    variable: 'ADMIN_API_KEY',
    expected: 'to be set in production',
    dependsOn: ['NODE_ENV'],
    isViolated: (env) => isProduction(env) && env.ADMIN_API_KEY === undefined,
  },
  {
    variable: 'ENCRYPTION_KEYS',
    expected: 'to be set in production',
    dependsOn: ['NODE_ENV'],
    isViolated: (env) => isProduction(env) && env.ENCRYPTION_KEYS === undefined,
  },
  {
    variable: 'JWT_SECRET',
    expected: 'not to be set together with JWT_JWKS_URL',
    dependsOn: ['JWT_JWKS_URL'],
    isViolated: (env) => env.JWT_SECRET !== undefined && env.JWT_JWKS_URL !== undefined,
  },
  ...(['OIDC_CLIENT_ID', 'OIDC_ROLES', 'PUBLIC_URL'] as const).map((variable): EnvironmentRule => {
    return {
      variable,
      expected: 'to be set, because OIDC_ISSUER is',
      dependsOn: ['OIDC_ISSUER'],
      isViolated: (env) => env.OIDC_ISSUER !== undefined && env[variable] === undefined,
    };
  }),
  ...(['OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET', 'OIDC_ROLES', 'OIDC_PROVIDER_NAME'] as const).map(
    (variable): EnvironmentRule => ({
      // Otherwise operators would wait for a button that never appears.
      variable,
      expected: 'not to be set without OIDC_ISSUER',
      dependsOn: ['OIDC_ISSUER'],
      isViolated: (env) => env.OIDC_ISSUER === undefined && env[variable] !== undefined,
    }),
  ),
];

function isProduction(environment: Environment): boolean {
  return environment.NODE_ENV === 'production';
}

/** Whether the addresses of one database's URL are all among those of another one. */
function areOf(url: string, part: string): boolean {
  const all = addressesOf(url);
  return addressesOf(part).every((address) => all.includes(address));
}

function addressesOf(url: string): readonly string[] {
  return parseDatabaseUrl(url).addresses.map(addressText);
}
