import { randomBytes } from 'node:crypto';
import { GeneratedSecrets } from '../../platform/data-dir/generated-secrets.js';

export interface EmbeddedPasswords {
  readonly superuser: string;
  readonly owner: string;
}

/** The passwords of the embedded PostgreSQL in a `DATA_DIR`, generated and saved there on the first start. */
export function embeddedPasswords(dataDir: string): EmbeddedPasswords {
  const secrets = new GeneratedSecrets(dataDir);
  const password = (name: string): string => secrets.getOrCreate(name, () => randomBytes(24).toString('base64url'));
  return { superuser: password('postgresSuperuserPassword'), owner: password('postgresOwnerPassword') };
}
