import { TcpProxy } from '../processes/tcp-proxy.js';

interface NodePorts {
  readonly postgresPort: number;
  readonly restPort: number;
  readonly etcdPort: number;
}

/**
 * All that lies between one node of a cluster and everything else: to its PostgreSQL and its REST interface, and from it to etcd.
 * Cut, it delivers nothing and refuses nothing, like a network that drops packets; unlike one, it still accepts connections.
 */
export class NodeNetwork implements NodePorts {
  private constructor(
    private readonly postgres: TcpProxy,
    private readonly rest: TcpProxy,
    private readonly etcd: TcpProxy,
  ) {}

  static async before({ postgresPort, restPort, etcdPort }: NodePorts): Promise<NodeNetwork> {
    const to = (port: number): Promise<TcpProxy> => TcpProxy.before({ host: '127.0.0.1', port });
    return new NodeNetwork(await to(postgresPort), await to(restPort), await to(etcdPort));
  }

  get postgresPort(): number {
    return portOf(this.postgres);
  }

  get restPort(): number {
    return portOf(this.rest);
  }

  get etcdPort(): number {
    return portOf(this.etcd);
  }

  cut(): void {
    for (const proxy of this.all) proxy.freeze();
  }

  mend(): void {
    for (const proxy of this.all) proxy.thaw();
  }

  async close(): Promise<void> {
    for (const proxy of this.all) await proxy.close();
  }

  private get all(): readonly TcpProxy[] {
    return [this.postgres, this.rest, this.etcd];
  }
}

function portOf({ address }: TcpProxy): number {
  return Number(address.split(':')[1]);
}
