import { randomBytes } from 'node:crypto';
import type { z } from 'zod';
import type { EncryptionKey } from './app-config.js';
import { SecretsFileInvalidError } from '../data-dir/data-dir.errors.js';
import type { Environment } from './environment.js';
import { GeneratedSecrets } from '../data-dir/generated-secrets.js';
import { apiKey, keyRing } from './variable-types.js';

/**
 * Secrets the application cannot run without: configured or, outside production, generated once and saved in
 * `DATA_DIR`.
 */
export interface RequiredSecrets {
  readonly adminApiKey: string;
  /** The first key encrypts. Never empty. */
  readonly encryptionKeys: readonly EncryptionKey[];
}

/** @throws SecretsFileInvalidError, SecretsFileLockedError, DataDirNotWritableError */
export function requiredSecrets(environment: Environment, dataDir: string): RequiredSecrets {
  const generated = new GeneratedSecrets(dataDir);
  return {
    adminApiKey: environment.ADMIN_API_KEY ?? generatedSecret(generated, 'ADMIN_API_KEY', apiKey, newApiKey),
    encryptionKeys: environment.ENCRYPTION_KEYS ?? generatedSecret(generated, 'ENCRYPTION_KEYS', keyRing, newKeyRing),
  };
}

/** Validates the saved value like a configured one, because the file may have been edited. */
function generatedSecret<T>(secrets: GeneratedSecrets, name: string, type: z.ZodType<T>, generate: () => string): T {
  const parsed = type.safeParse(secrets.getOrCreate(name, generate));
  if (!parsed.success) throw new SecretsFileInvalidError(secrets.path, `has an invalid ${name}`);
  return parsed.data;
}

function newApiKey(): string {
  return `adm_${randomBytes(32).toString('base64url')}`;
}

function newKeyRing(): string {
  return `generated:${randomBytes(32).toString('base64')}`;
}
