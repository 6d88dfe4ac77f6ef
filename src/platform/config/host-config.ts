import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { readEnvFile } from './env-file.js';
import type { VariableName } from './environment.js';
import { type ConfigInput, type LoadedConfig, loadConfig } from './load-config.js';

/** Variables of this repository's own server and logger: in a host application they may mean something else. */
const OF_THE_SERVER: readonly VariableName[] = [
  'PORT',
  'HOST',
  'REQUEST_TIMEOUT',
  'LOG_LEVEL',
  'LOG_FORMAT',
  'TRUSTED_PROXIES',
  'ENABLE_DEMO_TENANTS',
  'ENABLE_API_DOCS',
];

/** Variables of tenants' tokens: a host with a resolver of its own may have them for its users' tokens. */
const OF_TOKENS: readonly VariableName[] = [
  'JWT_JWKS_URL',
  'JWT_SECRET',
  'JWT_TENANT_CLAIM',
  'JWT_ISSUER',
  'JWT_AUDIENCE',
];

const ENVIRONMENTS: ReadonlySet<string | undefined> = new Set([undefined, '', 'development', 'test', 'production']);

/** What a host application uses of that which has variables. */
export interface HostUses {
  /** JSON Web Tokens that name a tenant: not with a resolver of the host, nor on the command line. */
  readonly tokens: boolean;
  /** Routes of Tenantry that require the admin key. */
  readonly adminKey: boolean;
}

/** Injection token of the application's `HostUses`. */
export const HOST_USES = Symbol.for('tenantry/host-uses');

/**
 * The configuration of a host application: the same variables, without those that mean something else there. An environment
 * that only the host knows, such as `staging`, gets what production gets. Where nothing of Tenantry requires the admin key, it
 * need not be set: then no key is the right one.
 *
 * @throws what `loadConfig` throws
 */
export function loadHostConfig(input: ConfigInput, { tokens, adminKey }: HostUses): LoadedConfig {
  const { env, cwd } = input;
  const file = cwd === undefined ? {} : readEnvFile(join(cwd, '.env'));
  const isKnown = ENVIRONMENTS.has(env['NODE_ENV'] || file['NODE_ENV']);
  const options = {
    ignore: tokens ? OF_THE_SERVER : [...OF_THE_SERVER, ...OF_TOKENS],
    fallback: adminKey ? {} : { ADMIN_API_KEY: randomBytes(32).toString('base64url') },
  };
  return loadConfig(isKnown ? input : { env: { ...env, NODE_ENV: 'production' }, cwd }, options);
}
