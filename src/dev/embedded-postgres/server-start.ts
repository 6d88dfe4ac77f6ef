import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { endsWithin } from '../../platform/timeout.js';
import {
  DataInUseError,
  PasswordRejectedError,
  PortTakenError,
  PostgresFailedError,
  StartTimeoutError,
} from './embedded.errors.js';
import type { Lifeline } from './lifeline.js';
import { ParentWatch, type ServerExit } from './parent-watch.js';
import type { PostgresData } from './data-directory.js';
import type { PostgresBinaries } from './postgres-binaries.js';
import { type ServiceAccount, spawnOptions } from './service-account.js';
import { connectAsSuperuser } from './superuser-connection.js';

export interface ServerStartOptions {
  readonly account: ServiceAccount | undefined;
  readonly binaries: PostgresBinaries;
  readonly dataDir: string;
  readonly data: PostgresData;
  readonly port: number | undefined;
  readonly settings: Readonly<Record<string, string>>;
  readonly superuserPassword: string;
  readonly onLog: ((line: string) => void) | undefined;
  /** The server runs as long as processes hold this, and its data is then removed; by default, as long as this process. */
  readonly lifeline?: Lifeline | undefined;
}

export interface StartedServer {
  readonly server: ParentWatch;
  readonly port: number;
  /** A client connected to the database `postgres`. */
  readonly superuser: Client;
}

const READY_WITHIN_MS = 30_000;
const RETRY_MS = 20;
/** The instance that holds the lock may have just died, with its server about to exit. */
const WAIT_FOR_LOCK_MS = 3_000;
const PORT_ATTEMPTS = 5;

/** A fast shutdown takes well under a second; after this time the server is stopped without a checkpoint. */
const STOP_GRACE_MS = 5_000;

/** Resolves when all server processes have exited. */
export function stopServer(server: ParentWatch): Promise<ServerExit> {
  return server.stop(['INT', 'QUIT'], STOP_GRACE_MS);
}

/** Starts the server and waits until it is ready. Retries on another port when the free one was taken meanwhile. */
export async function startServer(options: ServerStartOptions): Promise<StartedServer> {
  const lockDeadline = performance.now() + WAIT_FOR_LOCK_MS;
  for (let attempts = 1; ;) {
    const port = options.port ?? (await freePort());
    const server = launch(options, port);
    const superuser = await connectWhenReady(server, port, options);
    if (superuser) return { server, port, superuser };
    const exit = await server.exited;
    if (isLockHeld(exit)) {
      if (performance.now() > lockDeadline) throw await dataInUse(options);
      await delay(200);
    } else if (isPortTaken(exit)) {
      if (options.port !== undefined || ++attempts > PORT_ATTEMPTS) throw new PortTakenError(port);
    } else {
      throw new PostgresFailedError('postgres', exit.exitCode, exit.output);
    }
  }
}

function launch({ account, binaries, data, settings, onLog, lifeline }: ServerStartOptions, port: number): ParentWatch {
  const parameters = {
    // Levels below LOG include statement errors, whose details contain row values; the application reports those
    // itself.
    log_min_messages: 'log',
    temp_file_limit: '4GB', // per session: a statement must not fill the disk
    ...settings,
    log_line_prefix: '%e ', // SQLSTATE, read by `isLockHeld`
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    port: String(port),
  };
  const args = Object.entries(parameters).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const spawning = spawnOptions(account);
  // A lock file left by a crash may name a process id that is now this process's, which is common in containers.
  // PostgreSQL ignores its parent's (the shell of `ParentWatch`) and its grandparent's id when it knows the latter.
  const env = {
    ...spawning.env,
    PG_GRANDPARENT_PID: String(process.pid),
    ...(lifeline && { REMOVE_AFTERWARDS: data.path }),
  };
  const report = (line: string): void => {
    // cannot_connect_now (57P03) is the response to our own readiness checks.
    if (/ (FATAL|PANIC): /.test(line) && !line.startsWith('57P03')) onLog?.(line);
  };
  return new ParentWatch(binaries.postgres, ['-D', data.path, ...args], { ...spawning, env }, report, lifeline);
}

/** @returns undefined when the server exited instead */
async function connectWhenReady(
  server: ParentWatch,
  port: number,
  options: ServerStartOptions,
): Promise<Client | undefined> {
  const deadline = performance.now() + READY_WITHIN_MS;
  while (!server.exit) {
    const connected = await connectAsSuperuser(port, options.superuserPassword);
    if (connected instanceof Client) return connected;
    const rejected = 'code' in connected && connected.code === '28P01';
    if (!rejected && performance.now() < deadline) {
      await endsWithin(server.exited, RETRY_MS);
      continue;
    }
    await stopServer(server);
    if (rejected) throw new PasswordRejectedError(options.data.name, connected);
    throw new StartTimeoutError(READY_WITHIN_MS, connected);
  }
  return undefined;
}

/** lock_file_exists (https://www.postgresql.org/docs/18/errcodes-appendix.html) */
function isLockHeld({ output }: ServerExit): boolean {
  return output.some((line) => line.startsWith('F0001 FATAL:'));
}

/** This error has no SQLSTATE of its own; LC_ALL=C keeps the message in English. */
function isPortTaken({ output }: ServerExit): boolean {
  return output.some((line) => line.includes('could not bind IPv4 address "127.0.0.1": Address already in use'));
}

async function dataInUse({ dataDir, data }: ServerStartOptions): Promise<DataInUseError> {
  const lockFile = join(data.path, 'postmaster.pid');
  const holder = await readFile(lockFile, 'utf8').catch(() => 'unknown');
  return new DataInUseError(dataDir, lockFile, holder.split('\n')[0] ?? 'unknown');
}

/** A TCP port of 127.0.0.1 on which nothing listens at the moment. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
