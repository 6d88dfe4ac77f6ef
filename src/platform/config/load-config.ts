import { join, resolve } from 'node:path';
import type { AppConfig } from './app-config.js';
import { buildAppConfig } from './build-app-config.js';
import { deepFreeze } from '../deep-freeze.js';
import { readEnvFile } from './env-file.js';
import { type Environment, environmentTable, VARIABLE_NAMES, type VariableName } from './environment.js';
import { requiredSecrets } from './required-secrets.js';
import { type RawVariables, validateEnvironment } from './validate-environment.js';

/** Injection token of `LoadedConfig['sources']`. */
export const CONFIG_SOURCES = Symbol.for('tenantry/CONFIG_SOURCES');

export type ConfigSource = 'environment' | '.env' | 'default' | 'generated';
export type ConfigSources = Readonly<Record<VariableName, ConfigSource>>;

export interface LoadedConfig {
  readonly config: AppConfig;
  /** Where each variable's value came from; `default` when it is not set, even if it has no default. */
  readonly sources: ConfigSources;
}

export interface ConfigInput {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder with `.env`, and from which relative paths start; undefined: no file is read, and paths start from here. */
  readonly cwd: string | undefined;
}

interface LoadOptions {
  /** Variables that are not read. */
  readonly ignore?: readonly VariableName[];
  /** Whether any name of an environment is accepted: one that is not known, such as `staging`, counts as production. */
  readonly anyEnvironment?: boolean;
  /** Values of variables that are set nowhere. */
  readonly fallback?: Readonly<Partial<Record<VariableName, string>>>;
}

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Reads the environment, then `.env` in `cwd` for variables that the environment does not set. The result is deeply
 * frozen. Writes to disk (`DATA_DIR/secrets.json`) only when a secret must be generated and everything else is valid.
 *
 * @throws ConfigurationError listing all problems
 * @throws DataDirNotWritableError, SecretsFileInvalidError, SecretsFileLockedError
 */
export function loadConfig(
  { env, cwd }: ConfigInput,
  { ignore = [], fallback = {}, anyEnvironment = false }: LoadOptions = {},
): LoadedConfig {
  const file = cwd === undefined ? {} : readEnvFile(join(cwd, '.env'));
  const read = VARIABLE_NAMES.filter((name) => !ignore.includes(name));
  // An empty value counts as not set, so `REDIS_PASSWORD=` does not override a value from `.env`.
  const values = read.map((name) => [name, env[name] || file[name] || fallback[name]] as const);
  const variables: RawVariables = Object.fromEntries(values.filter(([, value]) => value));
  const environment = validateEnvironment(anyEnvironment ? withKnownEnvironment(variables) : variables);
  const dataDir = resolve(cwd ?? '', environment.DATA_DIR);
  const config = buildAppConfig(environment, dataDir, requiredSecrets(environment, dataDir));
  return deepFreeze({ config, sources: sourcesOf(environment, env, file) });
}

function withKnownEnvironment(variables: RawVariables): RawVariables {
  const { NODE_ENV: name } = variables;
  return name === undefined || environmentTable.shape.NODE_ENV.safeParse(name).success
    ? variables
    : { ...variables, NODE_ENV: 'production' };
}

function sourcesOf(environment: Environment, env: Variables, file: Variables): ConfigSources {
  const sourceOf = (name: VariableName): ConfigSource => {
    if (env[name]) return 'environment';
    if (file[name]) return '.env';
    return isGenerated(name, environment) ? 'generated' : 'default';
  };
  return Object.fromEntries(VARIABLE_NAMES.map((name) => [name, sourceOf(name)])) as ConfigSources;
}

function isGenerated(name: VariableName, environment: Environment): boolean {
  return (name === 'ADMIN_API_KEY' || name === 'ENCRYPTION_KEYS') && environment[name] === undefined;
}
