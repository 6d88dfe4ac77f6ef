import { once } from 'node:events';
import net from 'node:net';

/** A proxy that can forward half of a reply and then break the connection. */
export class HalfReplies {
  isBreaking = false;
  private readonly sockets = new Set<net.Socket>();
  private readonly listener: net.Server;

  private constructor(port: number) {
    this.listener = net.createServer((client) => this.connect(client, net.connect(port, '127.0.0.1')));
  }

  static async before({ port }: { readonly port: number }): Promise<HalfReplies> {
    const proxy = new HalfReplies(port);
    proxy.listener.listen(0, '127.0.0.1');
    await once(proxy.listener, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.listener.address() as net.AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.listener.close(resolve));
  }

  private connect(client: net.Socket, server: net.Socket): void {
    for (const socket of [client, server]) {
      this.sockets.add(socket);
      socket.on('error', () => undefined); // 'close' follows
      socket.on('close', () => {
        client.destroy();
        server.destroy();
        this.sockets.delete(socket);
      });
    }
    client.pipe(server);
    server.on('data', (reply: Buffer) => {
      if (!this.isBreaking) client.write(reply);
      else client.end(reply.subarray(0, Math.ceil(reply.length / 2)), () => client.resetAndDestroy());
    });
  }
}
