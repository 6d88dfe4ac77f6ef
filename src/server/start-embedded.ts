import { Logger } from '@nestjs/common';
import type { EmbeddedPostgres } from '../dev/embedded-postgres/embedded-postgres.js';
import type { AppConfig } from '../platform/config/app-config.js';

/**
 * Starts embedded PostgreSQL where it is configured. It is imported dynamically, so that it is never loaded in production.
 *
 * @throws the errors in embedded.errors.ts
 */
export async function startEmbedded({ database, dataDir }: AppConfig): Promise<EmbeddedPostgres | undefined> {
  if (!database.embedded) return undefined;
  const { EmbeddedPostgres: Embedded } = await import('../dev/embedded-postgres/embedded-postgres.js');
  const { embeddedPasswords } = await import('../dev/embedded-postgres/embedded-passwords.js');
  const logger = new Logger('EmbeddedPostgres');
  return Embedded.start({
    dataDir,
    passwords: embeddedPasswords(dataDir),
    onLog: (line) => logger.warn(line),
  });
}
