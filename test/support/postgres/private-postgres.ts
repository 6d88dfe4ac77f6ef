import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import pg from 'pg';
import { findData } from '../../../src/dev/embedded-postgres/data-directory.js';
import { EmbeddedPostgres } from '../../../src/dev/embedded-postgres/embedded-postgres.js';
import type { ParentWatch } from '../../../src/dev/embedded-postgres/parent-watch.js';
import { findUsableBinaries } from '../../../src/dev/embedded-postgres/postgres-binaries.js';
import { type StartedServer, startServer, stopServer } from '../../../src/dev/embedded-postgres/server-start.js';
import { findServiceAccount } from '../../../src/dev/embedded-postgres/service-account.js';
import type { ConnectionTarget } from '../../../src/database/connection/connection-target.js';
import { soon } from '../load/soon.js';
import { ProcessGuard } from '../processes/process-guard.js';
import { FAST, PASSWORDS, query, removeFolder, temporaryFolder } from './embedded-server.js';

const APP = { role: 'app', password: randomBytes(12).toString('hex') };

/** A PostgreSQL that belongs to one test, which may kill it, freeze it and start it again. */
export class PrivatePostgres {
  private guard: ProcessGuard | undefined;

  private constructor(
    private readonly folder: string,
    private readonly settings: Readonly<Record<string, string>>,
    private server: EmbeddedPostgres,
  ) {}

  /** Has a login role that is subject to row-level security. */
  static async start(settings: Readonly<Record<string, string>> = {}): Promise<PrivatePostgres> {
    const folder = await temporaryFolder();
    const all = { ...FAST, autovacuum: 'off', ...settings };
    const postgres = new PrivatePostgres(folder, all, await launch(folder, all));
    await postgres.admin(`CREATE ROLE ${APP.role} LOGIN PASSWORD '${APP.password}'`);
    await postgres.admin(
      `CREATE TABLE counted (n int); GRANT SELECT, INSERT ON counted TO ${APP.role};
       GRANT CONNECT ON DATABASE tenantry TO ${APP.role}; GRANT USAGE ON SCHEMA public TO ${APP.role}`,
    );
    return postgres;
  }

  get address(): { readonly host: string; readonly port: number } {
    return { host: '127.0.0.1', port: this.server.port };
  }

  get target(): ConnectionTarget {
    return {
      ...{ id: 'private', version: '1', shared: true, database: 'tenantry', ...APP },
      server: { id: 'private', ...this.address, tls: 'disable' },
    };
  }

  /** The owner's URL of its database, as in `DATABASE_URL`. */
  get url(): string {
    return this.server.url;
  }

  /** Of the superuser, for whom PostgreSQL keeps some connections free. */
  get superuserUrl(): string {
    return this.server.superuserUrl;
  }

  /** Runs a statement as the superuser, on a connection of its own. */
  admin<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]> {
    return this.inDatabase(undefined, text, values);
  }

  /** The same in another database. */
  async inDatabase<Row extends pg.QueryResultRow>(
    database: string | undefined,
    text: string,
    values?: unknown[],
  ): Promise<Row[]> {
    const url = new URL(this.server.superuserUrl);
    if (database !== undefined) url.pathname = `/${database}`;
    const client = new pg.Client({
      connectionString: url.href,
      options: '-c search_path=public,tenantry', // so that the catalog's tables are found by their names
    });
    await client.connect();
    try {
      return (await client.query<Row>(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  async backends(): Promise<number> {
    const rows = await this.admin<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = '${APP.role}'`,
    );
    return rows[0]?.n ?? 0;
  }

  /** Kills all of its processes at once, as when the machine fails. Resolves when they have ended. */
  async kill(): Promise<void> {
    await this.signal('SIGKILL');
    await this.server.exited;
  }

  /** Starts again on the same port and data. */
  async startAgain(): Promise<void> {
    this.server = await launch(this.folder, { ...this.settings }, this.server.port);
  }

  /** Refuses writes of new transactions in all sessions, without ending any, as the first step of a planned switchover. */
  async setReadOnly(isReadOnly: boolean): Promise<void> {
    const value = isReadOnly ? 'on' : 'off';
    await this.admin(`ALTER SYSTEM SET default_transaction_read_only = ${value}`);
    await this.admin('SELECT pg_reload_conf()');
    const inForce = [{ default_transaction_read_only: value }];
    await soon(async () => expect(await this.admin('SHOW default_transaction_read_only')).toEqual(inForce));
  }

  async freeze(): Promise<void> {
    this.guard ??= new ProcessGuard(this.folder, [join(this.folder, 'postgres', 'postmaster.pid')]);
    await this.signal('SIGSTOP');
  }

  async thaw(): Promise<void> {
    await this.signal('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await this.guard?.killAll();
    await removeFolder(this.folder);
  }

  private signal(signal: NodeJS.Signals): Promise<void> {
    return signalServer(this.folder, signal);
  }

  /** Starts a copy of this server that is in recovery: it serves reads and rejects every write with 25006. */
  async standby(): Promise<Standby> {
    return Standby.start(await this.copy(), this.settings);
  }

  /** Starts a standby that follows this server, which keeps what it lacks. @param settings its own, beside this server's */
  async replica(settings: Readonly<Record<string, string>> = {}): Promise<Standby> {
    const folder = await this.copy();
    const { host, port } = this.address;
    const primary = `host=${host} port=${port} user=postgres password='${PASSWORDS.superuser}'`;
    return Standby.start(folder, { ...this.settings, primary_conninfo: primary, ...settings });
  }

  private async copy(): Promise<string> {
    await this.server.stop();
    const folder = await temporaryFolder();
    const copy = join(folder, 'postgres');
    execFileSync('cp', ['-a', await realpath(join(this.folder, 'postgres')), copy]);
    await writeFile(join(copy, 'standby.signal'), '');
    await this.startAgain();
    return folder;
  }
}

/** The settings of a server that has replicas. */
export const REPLICATED = { wal_level: 'replica', max_wal_senders: '4', wal_keep_size: '1GB' };

async function signalServer(folder: string, signal: NodeJS.Signals): Promise<void> {
  for (const pid of await processesOf(folder)) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // a backend that has ended since
    }
  }
}

/** The postmaster comes first, so that it starts no further processes. */
async function processesOf(folder: string): Promise<number[]> {
  const [server] = (await readFile(join(folder, 'postgres', 'postmaster.pid'), 'utf8')).split('\n');
  const all = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  const children = all.map((line) => line.trim().split(/\s+/)).filter(([, parent]) => parent === server);
  return [server, ...children.map(([pid]) => pid)].map(Number);
}

/** The server that `PrivatePostgres#standby` or `#replica` starts. */
export class Standby {
  private guard: ProcessGuard | undefined;

  private constructor(
    private readonly folder: string,
    private readonly settings: Readonly<Record<string, string>>,
    private server: ParentWatch,
    readonly address: { readonly host: string; readonly port: number },
  ) {}

  /** Does not use EmbeddedPostgres, which first sets the owner's password: a standby cannot write. */
  static async start(dataDir: string, settings: Readonly<Record<string, string>>): Promise<Standby> {
    const { server, port } = await startCopy(dataDir, settings);
    return new Standby(dataDir, settings, server, { host: '127.0.0.1', port });
  }

  /** Makes it the primary, which accepts writes. */
  async promote(): Promise<void> {
    await query(this.superuserUrl, 'SELECT pg_promote()');
  }

  /** Runs a statement as the superuser in a database. */
  async admin<Row extends pg.QueryResultRow>(text: string, database = 'tenantry'): Promise<Row[]> {
    const url = new URL(this.superuserUrl);
    url.pathname = `/${database}`;
    return query<Row>(url.href, text);
  }

  /** Kills all of its processes at once. Resolves when they have ended. */
  async kill(): Promise<void> {
    await signalServer(this.folder, 'SIGKILL');
    await this.server.exited;
  }

  /** Starts again on the same port and data. */
  async startAgain(): Promise<void> {
    ({ server: this.server } = await startCopy(this.folder, this.settings, this.address.port));
  }

  async freeze(): Promise<void> {
    this.guard ??= new ProcessGuard(this.folder, [join(this.folder, 'postgres', 'postmaster.pid')]);
    await signalServer(this.folder, 'SIGSTOP');
  }

  async thaw(): Promise<void> {
    await signalServer(this.folder, 'SIGCONT');
  }

  /** Stops it and starts it as a standby on the same port. */
  async demote(): Promise<void> {
    await stopServer(this.server);
    await writeFile(join(this.folder, 'postgres', 'standby.signal'), '');
    ({ server: this.server } = await startCopy(this.folder, this.settings, this.address.port));
  }

  async stop(): Promise<void> {
    await stopServer(this.server);
    await this.guard?.killAll();
    await removeFolder(this.folder);
  }

  private get superuserUrl(): string {
    const { host, port } = this.address;
    return `postgres://postgres:${encodeURIComponent(PASSWORDS.superuser)}@${host}:${port}/postgres`;
  }
}

async function startCopy(
  dataDir: string,
  settings: Readonly<Record<string, string>>,
  port?: number,
): Promise<StartedServer> {
  const data = await findData(dataDir);
  if (!data) throw new Error(`no data in ${dataDir}`);
  const account = await findServiceAccount(data.owner);
  const binaries = await findUsableBinaries(account, '/var/lib/tenantry');
  const started = await startServer({
    ...{ account, binaries, dataDir, data, settings, port, onLog: undefined },
    superuserPassword: PASSWORDS.superuser,
  });
  await started.superuser.end();
  return started;
}

function launch(dataDir: string, settings: Readonly<Record<string, string>>, port?: number): Promise<EmbeddedPostgres> {
  return EmbeddedPostgres.start({ dataDir, passwords: PASSWORDS, settings, ...(port !== undefined && { port }) });
}
