import { randomBytes } from 'node:crypto';
import type { z } from 'zod';
import type { EncryptionKey } from './app-config.js';
import { SecretsFileInvalidError } from '../data-dir/data-dir.errors.js';
import type { Environment } from './environment.js';
import { GeneratedSecrets } from '../data-dir/generated-secrets.js';
import { apiKey, keyRing } from './variable-types.js';

/** The secrets without which nothing runs: given, or, outside production, generated once and kept in `DATA_DIR`. */
export interface RequiredSecrets {
  readonly adminApiKey: string;
  /** The first one seals. Never empty. */
  readonly encryptionKeys: readonly EncryptionKey[];
}

/** @throws what `GeneratedSecrets.getOrCreate` throws */
export function requiredSecrets(environment: Environment, dataDir: string): RequiredSecrets {
  const generated = new GeneratedSecrets(dataDir);
  return {
    adminApiKey: environment.ADMIN_API_KEY ?? kept(generated, 'ADMIN_API_KEY', apiKey, newApiKey),
    encryptionKeys: environment.ENCRYPTION_KEYS ?? kept(generated, 'ENCRYPTION_KEYS', keyRing, newKeyRing),
  };
}

/** What the file holds passes through the same check as what the environment gives: somebody may have edited it. */
function kept<T>(secrets: GeneratedSecrets, name: string, type: z.ZodType<T>, generate: () => string): T {
  const parsed = type.safeParse(secrets.getOrCreate(name, generate));
  if (!parsed.success) throw new SecretsFileInvalidError(secrets.path, `has no valid ${name}`);
  return parsed.data;
}

function newApiKey(): string {
  return `adm_${randomBytes(32).toString('base64url')}`;
}

function newKeyRing(): string {
  return `generated:${randomBytes(32).toString('base64')}`;
}
