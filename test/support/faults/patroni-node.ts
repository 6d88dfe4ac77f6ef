import { chown, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ParentWatch } from '../../../src/dev/embedded-postgres/parent-watch.js';
import { type ServiceAccount, spawnOptions } from '../../../src/dev/embedded-postgres/service-account.js';
import { debianPrograms } from '../postgres/debian-postgres.js';
import { FAST, PASSWORDS } from '../postgres/embedded-server.js';
import { ProcessGuard } from '../processes/process-guard.js';
import type { NodeNetwork } from './node-network.js';
import type { HostAndPort } from '../../../src/platform/postgres/database-url.js';

const STOP_WITHIN_MS = 20_000;
/** Writes its own process id to a file, and becomes the program. */
const WITH_PID_FILE = 'echo $$ >"$0" && exec "$@"';

export interface PatroniNodeOptions {
  readonly program: string;
  readonly account: ServiceAccount | undefined;
  /** Its files; made if need be. */
  readonly folder: string;
  readonly name: string;
  readonly postgresPort: number;
  readonly restPort: number;
  readonly etcdPort: number;
  /** Between the node and everything else; none unless given: it is reached directly. */
  readonly network?: NodeNetwork | undefined;
}

/** One PostgreSQL of a cluster, and the Patroni that looks after it. */
export class PatroniNode {
  private process: ParentWatch | undefined;
  private guard: ProcessGuard | undefined;

  constructor(readonly options: PatroniNodeOptions) {}

  get name(): string {
    return this.options.name;
  }

  /** Of its PostgreSQL, as everything else sees it. */
  get address(): HostAndPort {
    const { network, postgresPort } = this.options;
    return { host: '127.0.0.1', port: network?.postgresPort ?? postgresPort };
  }

  /** The port of Patroni's REST interface, as everything else sees it. */
  get restPort(): number {
    const { network, restPort } = this.options;
    return network?.restPort ?? restPort;
  }

  /** Past its network: the test sees it also while it is cut off. */
  get directAddress(): HostAndPort {
    return { host: '127.0.0.1', port: this.options.postgresPort };
  }

  /** Nothing reaches the node, and it reaches nothing, until `mend`. @throws where it has no network of its own */
  cut(): void {
    if (!this.options.network) throw new Error(`node ${this.name} has no network of its own`);
    this.options.network.cut();
  }

  mend(): void {
    this.options.network?.mend();
  }

  /** Returns at once; the data directory is made, cloned or rewound by Patroni. */
  async start(): Promise<void> {
    const { program, account, folder } = this.options;
    const file = join(folder, 'patroni.json');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(file, JSON.stringify(configuration(this.options), undefined, 2)); // JSON is YAML
    if (account) await Promise.all([folder, file].map((path) => chown(path, account.uid, account.gid)));
    const pidFile = join(folder, 'patroni.pid');
    await rm(pidFile, { force: true });
    this.guard = new ProcessGuard(folder, [pidFile, join(folder, 'data', 'postmaster.pid')]);
    const command = ['-c', WITH_PID_FILE, pidFile, program, file];
    this.process = new ParentWatch('/bin/sh', command, spawnOptions(account));
    this.process.unref();
  }

  /** Kills Patroni and PostgreSQL with all its processes, as when the machine fails. */
  async kill(): Promise<void> {
    await this.guard?.killAll();
    await this.process?.stop(['KILL'], 5_000);
  }

  /** Stops Patroni, which stops PostgreSQL. */
  async stop(): Promise<void> {
    await Promise.race([
      this.process?.stop(['TERM'], STOP_WITHIN_MS),
      delay(STOP_WITHIN_MS, undefined, { ref: false }),
    ]);
    await this.kill();
    await this.options.network?.close();
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
}

/** With the shortest times that Patroni allows, and a synchronous standby: what was acknowledged survives a failover. */
function configuration({ folder, name, postgresPort, restPort, etcdPort, network }: PatroniNodeOptions): object {
  const login = (username: string): object => ({ username, password: PASSWORDS.superuser });
  return {
    scope: 'tenantry',
    name,
    restapi: { listen: `127.0.0.1:${restPort}`, connect_address: `127.0.0.1:${network?.restPort ?? restPort}` },
    // Otherwise it asks etcd for its address, and goes around the network.
    etcd3: { hosts: [`127.0.0.1:${network?.etcdPort ?? etcdPort}`], use_proxies: true },
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
      listen: `127.0.0.1:${postgresPort}`,
      connect_address: `127.0.0.1:${network?.postgresPort ?? postgresPort}`,
      ...{ data_dir: join(folder, 'data'), bin_dir: debianPrograms(15), pgpass: join(folder, 'pgpass') },
      authentication: { superuser: login('postgres'), replication: login('replicator'), rewind: login('rewinder') },
      basebackup: [{ checkpoint: 'fast' }], // otherwise a second standby waits for minutes
      parameters: { unix_socket_directories: folder },
      pg_hba: ['host all all 127.0.0.1/32 scram-sha-256', 'host replication replicator 127.0.0.1/32 scram-sha-256'],
    },
  };
}
