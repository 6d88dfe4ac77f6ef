import { once } from 'node:events';
import { chown, mkdir, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { ParentWatch } from '../../../src/dev/embedded-postgres/parent-watch.js';
import {
  type ServiceAccount,
  findServiceAccount,
  spawnOptions,
} from '../../../src/dev/embedded-postgres/service-account.js';
import { removeAbandoned, stagingPath } from '../../../src/dev/embedded-postgres/staging.js';
import type { ConnectionTarget } from '../../../src/database/connection/connection-target.js';
import { type TestDatabase, testServer } from './postgres.js';
import { findProgram } from '../processes/system-program.mjs';

const PACKAGES = { 'apt-get': 'pgbouncer', apk: 'pgbouncer', dnf: 'pgbouncer', brew: 'pgbouncer' };
const READY_WITHIN_MS = 10_000;
const STOP_GRACE_MS = 1_000;

export interface PgBouncerOptions {
  readonly poolMode?: 'session' | 'transaction' | 'statement';
  /** Its connections to PostgreSQL per login role and database. */
  readonly poolSize?: number;
  /** Roles that may use its admin console, beside the server's superuser. Of these, the owner's password is known to it. */
  readonly adminUsers?: readonly string[];
  /** A free one unless given. */
  readonly port?: number;
  /** PostgreSQL, or a proxy in front of it. */
  readonly upstream?: { readonly host: string; readonly port: number };
}

/**
 * A real PgBouncer on 127.0.0.1 in front of the test's PostgreSQL, for every database and login role there is or will
 * be: it asks PostgreSQL for the password verifiers of those who log in. It ends when this process does.
 */
export class PgBouncer {
  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly server: ParentWatch,
  ) {}

  static async start({ port, ...options }: PgBouncerOptions = {}): Promise<PgBouncer> {
    const program = await findProgram('pgbouncer', PACKAGES);
    const account = await findServiceAccount(undefined); // it refuses to run as root
    const listening = port ?? (await freePort());
    const folder = await writeFiles(account, {
      'pgbouncer.ini': configuration(listening, options),
      'userlist.txt': `"${testServer().superuser}" "${testServer().superuserPassword}"\n"${testServer().owner}" "${testServer().ownerPassword}"\n`,
    });
    let markUp: () => void = () => undefined;
    const up = new Promise<void>((resolve) => {
      markUp = resolve;
    });
    const server = new ParentWatch(program, ['pgbouncer.ini'], { ...spawnOptions(account), cwd: folder }, (line) => {
      if (line.includes('process up')) markUp(); // it listens before it logs this
    });
    const pooler = new PgBouncer(listening, folder, server);
    await Promise.race([up, server.exited, delay(READY_WITHIN_MS, undefined, { ref: false })]);
    const output = server.exit?.output.join('\n');
    if (output !== undefined || !(await pooler.answers())) {
      await pooler.stop();
      throw new Error(`pgbouncer did not start: ${output ?? `no answer within ${READY_WITHIN_MS} ms`}`);
    }
    server.unref();
    return pooler;
  }

  /** The environment of an application behind the pooler. */
  environment(database: TestDatabase): Record<string, string> {
    const url = new URL(database.url);
    url.port = String(this.port);
    return { DB_POOLER: 'transaction', DATABASE_URL: url.href, DATABASE_DIRECT_URL: database.url };
  }

  /** The target as an application behind the pooler knows it. */
  through(target: ConnectionTarget): ConnectionTarget {
    const { host, port, tls } = target.server;
    return { ...target, server: { ...target.server, port: this.port, aroundPooler: { host, port, tls } } };
  }

  /** The process ids of its connections to PostgreSQL. */
  async backends(): Promise<number[]> {
    const servers = await this.console<{ remote_pid: number }>('SHOW SERVERS');
    return servers.map(({ remote_pid: pid }) => pid);
  }

  /** Resolves when it has ended; at once when it already had. */
  async stop(): Promise<void> {
    // INT waits for what is in flight, QUIT does not (it is also what ends a version that does not know QUIT).
    await this.server.stop(['INT', 'QUIT', 'KILL'], STOP_GRACE_MS);
    await rm(this.folder, { recursive: true, force: true });
  }

  private async answers(): Promise<boolean> {
    const rows = await this.console('SHOW VERSION').catch(() => []);
    return rows.length === 1;
  }

  private async console<Row extends pg.QueryResultRow>(command: string): Promise<Row[]> {
    const { superuser: user, superuserPassword: password } = testServer();
    const client = new pg.Client({ host: '127.0.0.1', port: this.port, user, password, database: 'pgbouncer' });
    await client.connect();
    try {
      return (await client.query<Row>(command)).rows;
    } finally {
      await client.end();
    }
  }
}

/** Everything else has PgBouncer's defaults, so that it rejects startup parameters that it does not track. */
function configuration(
  port: number,
  { poolMode = 'transaction', poolSize = 3, upstream = testServer(), adminUsers = [] }: PgBouncerOptions,
): string {
  const { superuser } = testServer();
  return `[databases]
* = host=${upstream.host} port=${upstream.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = userlist.txt
auth_user = ${superuser}
admin_users = ${[superuser, ...adminUsers].join(', ')}
pool_mode = ${poolMode}
default_pool_size = ${poolSize}
max_client_conn = 1000
`;
}

/** In a folder of their own, which only the account may enter: one of them holds a password. */
async function writeFiles(account: ServiceAccount | undefined, files: Record<string, string>): Promise<string> {
  const name = `tenantry-pgbouncer-${userInfo().uid}`;
  await removeAbandoned(tmpdir(), name); // left by interrupted runs
  const folder = stagingPath(tmpdir(), name);
  await mkdir(folder, { mode: 0o700 });
  const paths = Object.keys(files).map((file) => join(folder, file));
  await Promise.all(paths.map((path, index) => writeFile(path, Object.values(files)[index] ?? '')));
  if (account) await Promise.all([folder, ...paths].map((path) => chown(path, account.uid, account.gid)));
  return folder;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
