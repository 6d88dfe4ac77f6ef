import { NetworkNamespace } from './network-namespace.js';

const CLIENT = '10.0.1.2';
const SERVER = '10.0.2.2';

/** A client's and a server's network with a router in between, which can drop all packets without telling either side. */
export class SplitNetwork {
  readonly serverAddress = SERVER;

  private constructor(
    readonly client: NetworkNamespace,
    readonly server: NetworkNamespace,
    private readonly router: NetworkNamespace,
  ) {}

  /** Touches no network but its own. @returns undefined where this is not allowed */
  static async create(): Promise<SplitNetwork | undefined> {
    const made: NetworkNamespace[] = [];
    try {
      for (let n = 0; n < 3; n += 1) made.push(await NetworkNamespace.create());
      const [client, server, router] = made as [NetworkNamespace, NetworkNamespace, NetworkNamespace];
      connect(client, CLIENT, router, 'client');
      connect(server, SERVER, router, 'server');
      router.run('echo 1 > /proc/sys/net/ipv4/ip_forward');
      return new SplitNetwork(client, server, router);
    } catch {
      for (const namespace of made) await namespace.end();
      return undefined;
    }
  }

  /** Packets of both directions vanish: the router answers nothing, and the links stay up. */
  cut(): void {
    this.router.run(`ip route add blackhole ${CLIENT}/32`, `ip route add blackhole ${SERVER}/32`);
  }

  heal(): void {
    this.router.run(`ip route del blackhole ${CLIENT}/32`, `ip route del blackhole ${SERVER}/32`);
  }

  async end(): Promise<void> {
    for (const namespace of [this.client, this.server, this.router]) await namespace.end();
  }
}

function connect(side: NetworkNamespace, address: string, router: NetworkNamespace, name: string): void {
  const gateway = address.replace(/\d+$/, '1');
  side.run(`ip link add uplink type veth peer name ${name} netns ${router.pid}`);
  router.run(`ip address add ${gateway}/24 dev ${name}`, `ip link set ${name} up`);
  side.run(`ip address add ${address}/24 dev uplink`, 'ip link set uplink up', `ip route add default via ${gateway}`);
}
