import { appendFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import pg from 'pg';
import type { ConnectionTarget } from '../../../src/database/connection/connection-target.js';
import { findData } from '../../../src/dev/embedded-postgres/data-directory.js';
import { EmbeddedPostgres } from '../../../src/dev/embedded-postgres/embedded-postgres.js';
import { ParentWatch } from '../../../src/dev/embedded-postgres/parent-watch.js';
import { findUsableBinaries } from '../../../src/dev/embedded-postgres/postgres-binaries.js';
import { stopServer } from '../../../src/dev/embedded-postgres/server-start.js';
import { findServiceAccount, spawnOptions } from '../../../src/dev/embedded-postgres/service-account.js';
import { soon } from '../load/soon.js';
import { FAST, PASSWORDS, query, removeFolder, temporaryFolder } from '../postgres/embedded-server.js';
import type { SplitNetwork } from './split-network.js';

const APP = { role: 'app', password: 'secret-of-app' };
const PORT = 5432;

/** A PostgreSQL on the server's side of a network. The test reaches it through a Unix socket, also while the network is cut. */
export class RemotePostgres {
  private constructor(
    private readonly folder: string,
    private readonly server: ParentWatch,
    private readonly host: string,
    /** Connected as the superuser. */
    private readonly observer: pg.Client,
  ) {}

  static async start(network: SplitNetwork): Promise<RemotePostgres> {
    const folder = await temporaryFolder();
    await prepare(folder);
    const data = await realpath(join(folder, 'postgres'));
    const host = network.serverAddress;
    await appendFile(join(data, 'pg_hba.conf'), 'host all all all scram-sha-256\n');
    const server = await launch(network, folder, data);
    try {
      const observer = await connect(data);
      return new RemotePostgres(folder, server, host, observer);
    } catch (error) {
      await stopServer(server);
      await removeFolder(folder);
      throw error;
    }
  }

  get target(): ConnectionTarget {
    return {
      ...{ id: 'remote', version: '1', shared: true, database: 'tenantry', ...APP },
      server: { id: 'remote', host: this.host, port: PORT, tls: 'disable' },
    };
  }

  /** Process ids of the login role's backends. */
  async backends(): Promise<number[]> {
    const { rows } = await this.observer.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE usename = '${APP.role}'`,
    );
    return rows.map(({ pid }) => pid);
  }

  async stop(): Promise<void> {
    await this.observer.end();
    await stopServer(this.server);
    await removeFolder(this.folder);
  }
}

/** Makes the data and the login role, with a server that listens on 127.0.0.1 as usual. */
async function prepare(folder: string): Promise<void> {
  const server = await EmbeddedPostgres.start({ dataDir: folder, passwords: PASSWORDS, settings: FAST });
  await query(
    server.superuserUrl,
    `CREATE ROLE ${APP.role} LOGIN PASSWORD '${APP.password}'; GRANT CONNECT ON DATABASE tenantry TO ${APP.role};
     GRANT USAGE ON SCHEMA public TO ${APP.role}`,
  );
  await server.stop();
}

async function launch({ server, serverAddress }: SplitNetwork, folder: string, path: string): Promise<ParentWatch> {
  const data = await findData(folder);
  const account = await findServiceAccount(data?.owner);
  const { postgres } = await findUsableBinaries(account, '/var/lib/tenantry');
  const settings = { ...FAST, listen_addresses: serverAddress, port: PORT, unix_socket_directories: path };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [program, all] = server.command(postgres, ['-D', path, ...args], account);
  const { cwd, env } = spawnOptions(account);
  const watch = new ParentWatch(program, all, { cwd, env });
  watch.unref();
  return watch;
}

async function connect(socket: string): Promise<pg.Client> {
  const login = { user: 'postgres', password: PASSWORDS.superuser, database: 'postgres' };
  let observer = new pg.Client();
  await soon(async () => {
    observer = new pg.Client({ host: socket, port: PORT, ...login });
    expect(await observer.connect().then(() => true, String)).toBe(true);
  });
  return observer;
}
