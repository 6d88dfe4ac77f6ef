import { execFileSync } from 'node:child_process';
import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ParentWatch } from '../../../src/dev/embedded-postgres/parent-watch.js';
import { type ServiceAccount, spawnOptions } from '../../../src/dev/embedded-postgres/service-account.js';
import { debianPrograms } from '../postgres/debian-postgres.js';
import { FAST, PASSWORDS } from '../postgres/embedded-server.js';

export interface PatroniNodeOptions {
  readonly program: string;
  readonly account: ServiceAccount | undefined;
  /** Its files; made if need be. */
  readonly folder: string;
  readonly name: string;
  readonly postgresPort: number;
  readonly restPort: number;
  readonly etcdPort: number;
}

/** One PostgreSQL of a cluster, and the Patroni that looks after it. */
export class PatroniNode {
  private process: ParentWatch | undefined;

  constructor(readonly options: PatroniNodeOptions) {}

  get address(): { readonly host: string; readonly port: number } {
    return { host: '127.0.0.1', port: this.options.postgresPort };
  }

  /** Returns at once; the data directory is made, cloned or rewound by Patroni. */
  async start(): Promise<void> {
    const { program, account, folder } = this.options;
    const file = join(folder, 'patroni.json');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(file, JSON.stringify(configuration(this.options), undefined, 2)); // JSON is YAML
    if (account) await Promise.all([folder, file].map((path) => chown(path, account.uid, account.gid)));
    this.process = new ParentWatch(program, [file], spawnOptions(account));
    this.process.unref();
  }

  /** Kills Patroni and PostgreSQL with all its processes, as when the machine fails. */
  async kill(): Promise<void> {
    await this.end(['KILL'], 5_000);
  }

  /** Stops Patroni, which stops PostgreSQL. */
  async stop(): Promise<void> {
    await this.end(['TERM', 'KILL'], 20_000);
  }

  /** PostgreSQL outlives a Patroni that was killed, and holds its output open. */
  private async end(signals: readonly string[], graceMs: number): Promise<void> {
    const ended = this.process?.stop(signals, graceMs);
    if (signals[0] === 'KILL') await this.killServer();
    await ended;
    await this.killServer();
  }

  private async killServer(): Promise<void> {
    const server = await this.serverProcess();
    for (const pid of server === undefined ? [] : [server, ...childrenOf(server)]) signal(pid, 'SIGKILL');
  }

  /** Whether Patroni says that this node is the primary, and runs. */
  async isLeader(): Promise<boolean> {
    try {
      const answer = await fetch(`http://127.0.0.1:${this.options.restPort}/leader`, {
        signal: AbortSignal.timeout(1_000),
      });
      return answer.status === 200;
    } catch {
      return false; // it does not run
    }
  }

  /** The postmaster's process id, while there is one. */
  private async serverProcess(): Promise<number | undefined> {
    try {
      const [pid] = (await readFile(join(this.options.folder, 'data', 'postmaster.pid'), 'utf8')).split('\n');
      return isOwnProcess(Number(pid), this.options.folder) ? Number(pid) : undefined;
    } catch {
      return undefined; // it is not running
    }
  }
}

/** Whether the process is a PostgreSQL on this folder: a file left behind may name an id that was reused. */
function isOwnProcess(pid: number, folder: string): boolean {
  return execFileSync('ps', ['-A', '-o', 'pid=,args='], { encoding: 'utf8' })
    .split('\n')
    .some((line) => line.trim().startsWith(`${pid} `) && line.includes(folder));
}

function childrenOf(parent: number): number[] {
  const all = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  const children = all.map((line) => line.trim().split(/\s+/).map(Number)).filter(([, ppid]) => ppid === parent);
  return children.map(([pid = 0]) => pid);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // it has ended since
  }
}

/** With the shortest times that Patroni allows, and a synchronous standby: what was acknowledged survives a failover. */
function configuration({ folder, name, postgresPort, restPort, etcdPort }: PatroniNodeOptions): object {
  const login = (username: string): object => ({ username, password: PASSWORDS.superuser });
  return {
    scope: 'tenantry',
    name,
    restapi: { listen: `127.0.0.1:${restPort}`, connect_address: `127.0.0.1:${restPort}` },
    etcd3: { host: `127.0.0.1:${etcdPort}` },
    bootstrap: {
      dcs: {
        ...{ ttl: 20, loop_wait: 1, retry_timeout: 5, maximum_lag_on_failover: 1_048_576 },
        ...{
          synchronous_mode: true,
          postgresql: { use_pg_rewind: true, parameters: { ...FAST, max_connections: 100, temp_file_limit: '100MB' } },
        },
      },
      initdb: [{ encoding: 'UTF8' }, { locale: 'C' }, { auth: 'scram-sha-256' }],
    },
    postgresql: {
      ...{ listen: `127.0.0.1:${postgresPort}`, connect_address: `127.0.0.1:${postgresPort}` },
      ...{ data_dir: join(folder, 'data'), bin_dir: debianPrograms(15), pgpass: join(folder, 'pgpass') },
      authentication: { superuser: login('postgres'), replication: login('replicator'), rewind: login('rewinder') },
      parameters: { unix_socket_directories: folder },
      pg_hba: ['host all all 127.0.0.1/32 scram-sha-256', 'host replication replicator 127.0.0.1/32 scram-sha-256'],
    },
  };
}
