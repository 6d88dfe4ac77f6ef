import { randomBytes } from 'node:crypto';
import type { VariableName } from './environment.js';
import { type ConfigInput, type LoadedConfig, loadConfig } from './load-config.js';

/** Variables of this repository's own server and logger: in a host application they may mean something else. */
const OF_THE_SERVER: readonly VariableName[] = [
  'PORT',
  'HOST',
  'REQUEST_TIMEOUT',
  'WORKERS',
  'LOG_LEVEL',
  'LOG_FORMAT',
  'TRUSTED_PROXIES',
  'ENABLE_DEMO_TENANTS',
  'ENABLE_API_DOCS',
  'ENABLE_CONSOLE',
  'PUBLIC_URL',
  'OIDC_ISSUER',
  'OIDC_CLIENT_ID',
  'OIDC_CLIENT_SECRET',
  'OIDC_SCOPE',
  'OIDC_ROLES_CLAIM',
  'OIDC_ROLES',
  'OIDC_NAME_CLAIM',
  'OIDC_PROVIDER_NAME',
  'OIDC_SESSION_MINUTES',
];

/** Variables of tenants' tokens: a host with its own resolver may use these names for its users' tokens. */
const OF_TOKENS: readonly VariableName[] = [
  'JWT_JWKS_URL',
  'JWT_SECRET',
  'JWT_TENANT_CLAIM',
  'JWT_ISSUER',
  'JWT_AUDIENCE',
];

/** Which optional parts of the configuration a host application uses. */
export interface HostUses {
  /** JSON Web Tokens that name a tenant: not with a resolver of the host, nor on the command line. */
  readonly tokens: boolean;
  /** Routes of Tenantry that require the admin key. */
  readonly adminKey: boolean;
}

/** Injection token of the application's `HostUses`. */
export const HOST_USES = Symbol.for('tenantry/host-uses');

/**
 * The configuration of a host application: the same variables, without those that mean something else there. Where nothing of
 * Tenantry requires the admin key, it need not be set, and no key is accepted.
 *
 * @throws what `loadConfig` throws
 */
export function loadHostConfig(input: ConfigInput, { tokens, adminKey }: HostUses): LoadedConfig {
  return loadConfig(input, {
    ignore: tokens ? OF_THE_SERVER : [...OF_THE_SERVER, ...OF_TOKENS],
    anyEnvironment: true,
    fallback: adminKey ? {} : { ADMIN_API_KEY: randomBytes(32).toString('base64url') },
  });
}
