import { resolve } from 'node:path';
import { findData, type PostgresData, prepareDataDir } from './data-directory.js';
import { DataVersionError } from './embedded.errors.js';
import { createData } from './initial-data.js';
import type { ParentWatch, ServerEnd } from './parent-watch.js';
import { ensureOwnerDatabase, OWNER } from './owner-database.js';
import { type PostgresBinaries, usableBinaries } from './postgres-binaries.js';
import { startServer, stopServer } from './server-start.js';
import { serviceAccount, type ServiceAccount } from './service-account.js';

export interface EmbeddedPostgresOptions {
  /** `DATA_DIR`; the data lies in its folder `postgres`. */
  readonly dataDir: string;
  /** Of the superuser `postgres` and of the role `tenantry`. The superuser's must stay what it was at the first start. */
  readonly passwords: { readonly superuser: string; readonly owner: string };
  /** A free one is chosen at each start unless given. */
  readonly port?: number;
  /** Server parameters (https://www.postgresql.org/docs/18/runtime-config.html). */
  readonly settings?: Readonly<Record<string, string>>;
  /** Hears the server's lines of severity FATAL and PANIC. */
  readonly onLog?: (line: string) => void;
  /** For root only: where binaries and data go when the account PostgreSQL runs as cannot enter theirs. */
  readonly systemDir?: string;
}

/** A PostgreSQL server of our own, on 127.0.0.1 only, that ends when we do. */
export class EmbeddedPostgres {
  /** As the owner of the database `tenantry`; holds the password. */
  readonly url: string;
  /** As the superuser, on the same database; holds the password. */
  readonly superuserUrl: string;
  /** Resolves when the server ends although nobody called `stop`; never otherwise. */
  readonly exited: Promise<ServerEnd>;
  #stopping: Promise<ServerEnd> | undefined;

  private constructor(
    readonly port: number,
    passwords: EmbeddedPostgresOptions['passwords'],
    private readonly server: ParentWatch,
  ) {
    const urlOf = (user: string, password: string): string =>
      `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${OWNER}`;
    this.url = urlOf(OWNER, passwords.owner);
    this.superuserUrl = urlOf('postgres', passwords.superuser);
    this.exited = new Promise((resolve) => {
      void server.ended.then((end) => {
        if (!this.#stopping) resolve(end);
      });
    });
  }

  /**
   * Starts the server on the data in `dataDir`, which the first start creates, and waits until it accepts connections.
   * It does not keep our process alive.
   *
   * @throws the errors in embedded.errors.ts, and the server's own when its disk is full; nothing is left running then
   */
  static async start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    const { account, binaries, data } = await openData(options);
    const { server, port, superuser } = await startServer({
      ...{ account, binaries, port: options.port, settings: options.settings ?? {}, onLog: options.onLog },
      ...{ dataDir: options.dataDir, data, superuserPassword: options.passwords.superuser },
    });
    try {
      await ensureOwnerDatabase(superuser, options.passwords.owner);
      await superuser.end();
    } catch (error) {
      await stopServer(server);
      throw error;
    }
    server.unref();
    return new EmbeddedPostgres(port, options.passwords, server);
  }

  /** Ends open connections, writes everything to disk, and resolves when no process of the server is left. */
  async stop(): Promise<void> {
    this.#stopping ??= stopServer(this.server);
    await this.#stopping;
  }
}

interface OpenData {
  readonly account: ServiceAccount | undefined;
  readonly binaries: PostgresBinaries;
  readonly data: PostgresData;
}

async function openData(options: EmbeddedPostgresOptions): Promise<OpenData> {
  const dataDir = resolve(options.dataDir);
  const systemDir = options.systemDir ?? '/var/lib/tenantry';
  await prepareDataDir(dataDir);
  const found = await findData(dataDir);
  const account = await serviceAccount(found?.owner);
  const binaries = await usableBinaries(account, systemDir);
  if (!found) {
    const sync = options.settings?.['fsync'] !== 'off';
    await createData({ dataDir, systemDir, account, binaries, superuserPassword: options.passwords.superuser, sync });
  }
  const data = found ?? (await findData(dataDir));
  if (!data) throw new Error(`nothing was created in ${dataDir}`);
  if (data.major !== binaries.major) throw new DataVersionError(data.name, data.major, binaries.major);
  return { account, binaries, data };
}
