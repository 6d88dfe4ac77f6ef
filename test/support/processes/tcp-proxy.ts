import net from 'node:net';
import type { ConnectionTarget } from '../../../src/database/connection/connection-target.js';

/** One client's way through the proxy. */
interface Link {
  readonly client: net.Socket;
  readonly server: net.Socket;
  /** Nothing goes through any more, and neither side is told. */
  deaf: boolean;
}

/** A network between us and PostgreSQL, with what networks do. */
export class TcpProxy {
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

  /** The target as it looks through the proxy. */
  through(target: ConnectionTarget): ConnectionTarget {
    const { port } = this.listener.address() as net.AddressInfo;
    return { ...target, server: { ...target.server, host: '127.0.0.1', port } };
  }

  /** Every connection is reset, and every new one. */
  cut(): void {
    this.isCut = true;
    for (const link of this.links) reset(link);
  }

  mend(): void {
    this.isCut = false;
  }

  /** Nothing goes through until `thaw`, in no direction; what was sent arrives then. */
  freeze(): void {
    this.isFrozen = true;
  }

  thaw(): void {
    this.isFrozen = false;
    for (const send of this.heldBack.splice(0)) send();
  }

  /** Forgets the connections that are open, as a firewall does: no side hears of it. New ones are let through. */
  forgetLinks(): void {
    for (const link of this.links) link.deaf = true;
  }

  /** What the keep-alive of a server does at last: its ends of forgotten connections are closed. */
  reapForgotten(): void {
    for (const link of this.links) if (link.deaf) link.server.destroy();
  }

  /** Everything takes so much longer, each way. */
  slowDown(delayMs: number): void {
    this.delayMs = delayMs;
  }

  /** New connections lead elsewhere, as after a fail-over; open ones stay where they are. */
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
    const server = net.connect({ ...this.upstream, allowHalfOpen: true });
    const link = { client, server, deaf: false };
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
    if (link.deaf) return;
    if (this.isFrozen) this.heldBack.push(send);
    else if (this.delayMs > 0) setTimeout(send, this.delayMs);
    else send();
  }
}

function reset({ client, server }: Link): void {
  client.resetAndDestroy();
  server.destroy();
}
