import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PASSWORDS, removeFolder, temporaryFolder } from '../postgres/embedded-server.js';
import { Service } from '../processes/service.js';
import { TcpProxy } from '../processes/tcp-proxy.js';
import type { PatroniCluster } from './patroni-cluster.js';

const CLOCK = fileURLToPath(new URL('jumping-clock.mjs', import.meta.url));

/** One instance with a network between it and the catalog, and a wall clock that may jump. */
export class Instance {
  private service: Service | undefined;

  private constructor(
    readonly name: string,
    readonly network: TcpProxy,
    private readonly folder: string,
    private readonly env: Readonly<Record<string, string>>,
  ) {}

  static async start(name: string, cluster: PatroniCluster, env: Readonly<Record<string, string>>): Promise<Instance> {
    const network = await TcpProxy.before((await cluster.leader()).address);
    await cluster.followedBy(network);
    const folder = await temporaryFolder();
    const owner = `tenantry:${encodeURIComponent(PASSWORDS.owner)}`;
    const instance = new Instance(name, network, folder, {
      ...{ DATABASE_URL: `postgres://${owner}@${network.address}/tenantry`, LOG_LEVEL: 'info' },
      ...{ NODE_OPTIONS: `--import=${CLOCK}`, CLOCK_FILE: join(folder, 'clock'), ...env },
    });
    await instance.jumpClock(0);
    await instance.startAgain();
    return instance;
  }

  /** Undefined while it does not run. */
  get url(): string | undefined {
    return this.service?.url;
  }

  /** What it has logged since it last started. */
  get output(): string {
    return this.service?.output ?? '';
  }

  async startAgain(): Promise<void> {
    this.service = await Service.start(this.env);
  }

  async kill(): Promise<void> {
    const { service } = this;
    this.service = undefined;
    await service?.kill();
  }

  async stop(): Promise<void> {
    const { service } = this;
    this.service = undefined;
    await service?.stop();
  }

  signal(signal: NodeJS.Signals): void {
    this.service?.signal(signal);
  }

  async jumpClock(offsetMs: number): Promise<void> {
    await writeFile(join(this.folder, 'clock'), String(offsetMs));
  }

  async dispose(): Promise<void> {
    await this.stop();
    await this.network.close();
    await removeFolder(this.folder);
  }
}
