import type { AppConfig } from '../platform/config/app-config.js';
import { withDatabaseUrl } from '../platform/config/app-config.js';
import type { EmbeddedPostgres } from '../dev/embedded-postgres/embedded-postgres.js';

/** A configuration with a reachable catalog, and how to release it. */
export interface CatalogAccess {
  readonly config: AppConfig;
  /** The database belongs to another process, which may stop it at any moment. */
  readonly isBorrowed: boolean;
  /**
   * Stops the embedded PostgreSQL if it was started for this command; leaves any other database alone.
   *
   * @param graceMs how long other clients may use it; default 30 s
   */
  close(graceMs?: number): Promise<void>;
}

/**
 * Finds or starts the catalog's database: the one in `DATABASE_URL`, else the embedded PostgreSQL that a running server
 * has started on this `DATA_DIR`, else one that is started for the duration of this command.
 *
 * @throws the errors in embedded.errors.ts
 */
export async function accessCatalog(config: AppConfig): Promise<CatalogAccess> {
  if (!config.database.embedded) return { config, isBorrowed: false, close: () => Promise.resolve() };
  const { dataDir } = config;
  const { embeddedPasswords } = await import('../dev/embedded-postgres/embedded-passwords.js');
  const passwords = embeddedPasswords(dataDir);
  const { findRunningPostgres } = await import('../dev/embedded-postgres/running-postgres.js');
  const running = await findRunningPostgres({ dataDir, passwords });
  if (running) return borrowed(config, running.url);
  const { EmbeddedPostgres } = await import('../dev/embedded-postgres/embedded-postgres.js');
  const { DataInUseError } = await import('../dev/embedded-postgres/embedded.errors.js');
  try {
    const own = await EmbeddedPostgres.start({ dataDir, passwords });
    return {
      config: withDatabaseUrl(config, own.url),
      isBorrowed: false,
      close: (graceMs) => stopUnused(own, graceMs),
    };
  } catch (error) {
    if (!(error instanceof DataInUseError)) throw error;
    const started = await findRunningPostgres({ dataDir, passwords }); // a server has started in the meantime
    if (!started) throw error;
    return borrowed(config, started.url);
  }
}

/** Other commands may have found it running and be using it: they may finish first. */
async function stopUnused(postgres: EmbeddedPostgres, graceMs?: number): Promise<void> {
  const { waitForOtherClients } = await import('../dev/embedded-postgres/running-postgres.js');
  await waitForOtherClients(postgres.superuserUrl, graceMs);
  await postgres.stop();
}

function borrowed(config: AppConfig, url: string): CatalogAccess {
  return { config: withDatabaseUrl(config, url), isBorrowed: true, close: () => Promise.resolve() };
}
