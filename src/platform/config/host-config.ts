import { join } from 'node:path';
import { readEnvFile } from './env-file.js';
import { type ConfigInput, type LoadedConfig, loadConfig } from './load-config.js';

/** Variables of the application's own server and logger: in a host application they may mean something else. */
const NOT_READ = [
  'PORT',
  'HOST',
  'REQUEST_TIMEOUT',
  'LOG_LEVEL',
  'LOG_FORMAT',
  'TRUSTED_PROXIES',
  'ENABLE_DEMO_TENANTS',
  'ENABLE_API_DOCS',
] as const;

const ENVIRONMENTS: ReadonlySet<string | undefined> = new Set([undefined, '', 'development', 'test', 'production']);

/**
 * The configuration of a host application: the same variables, without those that its own server reads. An environment that
 * only the host knows, such as `staging`, gets what production gets.
 *
 * @throws what `loadConfig` throws
 */
export function loadHostConfig({ env, cwd }: ConfigInput): LoadedConfig {
  const file = cwd === undefined ? {} : readEnvFile(join(cwd, '.env'));
  const isKnown = ENVIRONMENTS.has(env['NODE_ENV'] || file['NODE_ENV']);
  return loadConfig({ env: isKnown ? env : { ...env, NODE_ENV: 'production' }, cwd, ignore: NOT_READ });
}
