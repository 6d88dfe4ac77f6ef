import { resolve } from 'node:path';
import { findData, type PostgresData, prepareDataDir } from './data-directory.js';
import { DataVersionError } from './embedded.errors.js';
import { createData } from './initial-data.js';
import type { Lifeline } from './lifeline.js';
import type { ParentWatch, ServerExit } from './parent-watch.js';
import { ensureOwnerDatabase, OWNER } from './owner-database.js';
import { type PostgresBinaries, findUsableBinaries } from './postgres-binaries.js';
import { startServer, stopServer } from './server-start.js';
import { findServiceAccount, type ServiceAccount } from './service-account.js';

export interface EmbeddedPostgresOptions {
  /** `DATA_DIR`; the data is in its folder `postgres`. */
  readonly dataDir: string;
  /**
   * Passwords of the superuser `postgres` and the role `tenantry`. The superuser's must not change after the first
   * start.
   */
  readonly passwords: { readonly superuser: string; readonly owner: string };
  /** Default: a free port, chosen at each start. */
  readonly port?: number;
  /** Server parameters (https://www.postgresql.org/docs/18/runtime-config.html). */
  readonly settings?: Readonly<Record<string, string>>;
  /** Receives the server's log lines of severity FATAL and PANIC. */
  readonly onLog?: (line: string) => void;
  /** For root only: folder for binaries and data when the service account cannot enter the usual ones. */
  readonly systemDir?: string;
  /** Lets the server outlive this process, while others hold it; its data is removed when it stops. */
  readonly lifeline?: Lifeline;
}

/** A PostgreSQL server for development, on 127.0.0.1 only, that stops when this process ends. */
export class EmbeddedPostgres {
  /** URL of the database `tenantry` for its owner; contains the password. */
  readonly url: string;
  /** URL of the same database for the superuser; contains the password. */
  readonly superuserUrl: string;
  /** Resolves when the server exits without a call to `stop`; never otherwise. */
  readonly exited: Promise<ServerExit>;
  #stopping: Promise<ServerExit> | undefined;

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
      void server.exited.then((exit) => {
        if (!this.#stopping) resolve(exit);
      });
    });
  }

  /**
   * Starts the server on the data in `dataDir`, which the first start creates, and waits until it accepts connections.
   * The server does not keep this process alive.
   *
   * @throws the errors in embedded.errors.ts, or the server's own when the disk is full; the server is stopped first
   */
  static async start(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
    const { account, binaries, data } = await openData(options);
    const { server, port, superuser } = await startServer({
      account,
      binaries,
      data,
      dataDir: options.dataDir,
      port: options.port,
      settings: options.settings ?? {},
      superuserPassword: options.passwords.superuser,
      onLog: options.onLog,
      lifeline: options.lifeline,
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

  /** Closes open connections, flushes data to disk, and resolves when all server processes have exited. */
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
  const account = await findServiceAccount(found?.owner);
  const binaries = await findUsableBinaries(account, systemDir);
  if (!found) {
    const sync = options.settings?.['fsync'] !== 'off';
    await createData({ dataDir, systemDir, account, binaries, superuserPassword: options.passwords.superuser, sync });
  }
  const data = found ?? (await findData(dataDir));
  if (!data) throw new Error(`no data was created in ${dataDir}`);
  if (data.major !== binaries.major) throw new DataVersionError(data.name, data.major, binaries.major);
  return { account, binaries, data };
}
