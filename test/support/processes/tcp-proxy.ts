import net from 'node:net';
import type { ConnectionTarget } from '../../../src/database/connection/connection-target.js';

/** One client's connection through the proxy. */
interface Link {
  readonly client: net.Socket;
  readonly server: net.Socket;
  /** Whether its data is dropped without notice to either side. */
  isForgotten: boolean;
}

/** A network between the test and PostgreSQL, with the faults of networks. */
export class TcpProxy {
  /** Connections accepted so far. */
  accepted = 0;
  private readonly links = new Set<Link>();
  private readonly listener = net.createServer({ allowHalfOpen: true }, (client) => this.accept(client));
  private readonly heldBack: (() => void)[] = [];
  private isCut = false;
  private isFrozen = false;
  private delayMs = 0;

  private constructor(private upstream: { readonly host: string; readonly port: number }) {}

  static async before(upstream: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(upstream);
    await new Promise<void>((resolve) => proxy.listener.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** The target with the proxy as its address. */
  through(target: ConnectionTarget): ConnectionTarget {
    const { port } = this.listener.address() as net.AddressInfo;
    return { ...target, server: { ...target.server, host: '127.0.0.1', port } };
  }

  /** Resets every open connection and every new one until `mend`. */
  cut(): void {
    this.isCut = true;
    for (const link of this.links) reset(link);
  }

  mend(): void {
    this.isCut = false;
  }

  /** Holds back all data in both directions until `thaw`. */
  freeze(): void {
    this.isFrozen = true;
  }

  thaw(): void {
    this.isFrozen = false;
    for (const send of this.heldBack.splice(0)) send();
  }

  /** `host:port` of the proxy itself. */
  get address(): string {
    return `127.0.0.1:${(this.listener.address() as net.AddressInfo).port}`;
  }

  /**
   * Silently drops the data of open connections, as a firewall that forgot them. New connections work.
   *
   * @param clientPorts `pg_stat_activity.client_port` of the connections; all of them by default
   * @returns how many there were
   */
  forgetLinks(clientPorts?: readonly number[]): number {
    const forgotten = [...this.links].filter(
      ({ server, isForgotten }) => !isForgotten && (clientPorts?.includes(server.localPort ?? 0) ?? true),
    );
    for (const link of forgotten) link.isForgotten = true;
    return forgotten.length;
  }

  /** Closes the server's ends of forgotten connections, as its TCP keep-alive does eventually. */
  reapForgotten(): void {
    for (const link of this.links) if (link.isForgotten) link.server.destroy();
  }

  /** Delays all data in each direction. */
  slowDown(delayMs: number): void {
    this.delayMs = delayMs;
  }

  /** New connections go to another server, as after a failover; open ones stay. */
  leadTo(upstream: { readonly host: string; readonly port: number }): void {
    this.upstream = upstream;
  }

  async close(): Promise<void> {
    for (const link of this.links) reset(link);
    await new Promise((resolve) => this.listener.close(resolve));
  }

  private accept(client: net.Socket): void {
    if (this.isCut) {
      client.resetAndDestroy();
      return;
    }
    this.accepted += 1;
    const server = net.connect({ ...this.upstream, allowHalfOpen: true });
    const link = { client, server, isForgotten: false };
    this.links.add(link);
    this.forward(link, client, server);
    this.forward(link, server, client);
  }

  private forward(link: Link, from: net.Socket, to: net.Socket): void {
    from.setNoDelay(true);
    from.on('error', () => undefined); // 'close' follows
    from.on('data', (chunk) => this.pass(link, () => to.write(chunk)));
    from.on('end', () => this.pass(link, () => to.end()));
    from.on('close', () => {
      this.pass(link, () => to.destroy());
      if (link.client.destroyed && link.server.destroyed) this.links.delete(link);
    });
  }

  private pass(link: Link, send: () => void): void {
    if (link.isForgotten) return;
    if (this.isFrozen) this.heldBack.push(send);
    else if (this.delayMs > 0) setTimeout(send, this.delayMs);
    else send();
  }
}

function reset({ client, server }: Link): void {
  client.resetAndDestroy();
  server.destroy();
}
