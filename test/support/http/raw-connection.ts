import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A client that sends bytes as they are, so that a test can send what no HTTP library would. */
export class RawConnection {
  /** What was received, as Latin-1. */
  text = '';
  private readonly closed: Promise<void>;

  private constructor(readonly socket: Socket) {
    this.closed = new Promise((resolve) => void socket.once('close', () => resolve()));
    socket.on('data', (chunk: Buffer) => void (this.text += chunk.toString('latin1')));
    socket.on('error', () => undefined); // a reset is one way to be closed
  }

  /** @param isStubborn goes on sending after the server has ended its side */
  static async to(url: string, isStubborn = false): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true, allowHalfOpen: isStubborn });
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  /** Lines of a head are joined and ended by an empty one; `body` follows as it is. */
  send(head: readonly string[], body: string | Buffer = ''): this {
    this.socket.write(`${head.join('\r\n')}\r\n\r\n`);
    if (body.length > 0) this.socket.write(body);
    return this;
  }

  /** Statuses of all answers received so far. */
  get statuses(): readonly number[] {
    return [...this.text.matchAll(/(?:^|\})HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));
  }

  /** The stable code of the last problem received. */
  get code(): string | undefined {
    return [...this.text.matchAll(/"code":"([A-Z_]+)"/g)].at(-1)?.[1];
  }

  /** Resolves with all text received once it matches. @throws when the connection is closed before */
  async received(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.text)) {
      if (this.socket.destroyed) throw new Error(`closed after ${JSON.stringify(this.text)}`);
      await Promise.race([once(this.socket, 'data'), this.closed]);
    }
    return this.text;
  }

  /** Resolves once the server has closed the connection. */
  async ended(): Promise<this> {
    await this.closed;
    return this;
  }

  destroy(): void {
    this.socket.destroy();
  }
}
