import net from 'node:net';
import type { ConnectionTarget } from '../../../src/database/connection/connection-target.js';

/**
 * One message of a client, by its type byte: Q query, P parse, B bind, D describe, E execute, S sync, C close, H flush.
 */
export interface WireMessage {
  readonly type: string;
  readonly body: Buffer;
}

const READY_FOR_QUERY = 'Z';
const COMMAND_COMPLETE = 'C';
const ERROR = 'E';

/** A TCP proxy in front of PostgreSQL that records the clients' messages and can hold back replies. */
export class WireTap {
  readonly messages: WireMessage[] = [];
  private readonly sockets = new Set<net.Socket>();
  private readonly server = net.createServer((client) => this.accept(client));
  private readonly heldBack: (() => void)[] = [];
  private frozen = false;
  private frozenBeforeReady = false;

  private constructor(private readonly upstream: { host: string; port: number }) {}

  static async before({ server }: ConnectionTarget): Promise<WireTap> {
    const tap = new WireTap(server);
    await new Promise<void>((resolve) => tap.server.listen(0, '127.0.0.1', resolve));
    return tap;
  }

  /** The target with the tap as its address. */
  through(target: ConnectionTarget): ConnectionTarget {
    const { port } = this.server.address() as net.AddressInfo;
    return { ...target, server: { ...target.server, host: '127.0.0.1', port } };
  }

  /**
   * The types of the messages sent since the last call, `PBEPBDES` for one stamped statement; without a `Sync` that nothing
   * is in front of, which measures the round trip now and then.
   */
  take(): string {
    const types = this.messages.splice(0).map(({ type }) => type);
    return types.filter((type, index) => type !== 'S' || (index > 0 && types[index - 1] !== 'S')).join('');
  }

  /** Holds back all later replies, as when the server hangs. */
  freeze(): void {
    this.frozen = true;
  }

  /** Holds back the next `ReadyForQuery` after a command's end or an error, and what follows it. */
  freezeBeforeReady(): void {
    this.frozenBeforeReady = true;
  }

  /** Resolves once a reply is held back; checks in every turn of the event loop. */
  async somethingHeldBack(): Promise<void> {
    while (this.heldBack.length === 0) await new Promise(setImmediate);
  }

  thaw(): void {
    this.frozen = false;
    this.frozenBeforeReady = false;
    for (const send of this.heldBack.splice(0)) send();
  }

  /** Destroys all connections without a message. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
    this.heldBack.splice(0);
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private accept(client: net.Socket): void {
    const server = net.connect(this.upstream.port, this.upstream.host);
    for (const socket of [client, server]) {
      this.sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
    }
    const readClient = messageReader(false, (message) => this.messages.push(message));
    client.on('data', (chunk) => {
      readClient(chunk);
      server.write(chunk);
    });
    let hasEnded = false;
    const readServer = messageReader(true, ({ type, whole }) => {
      hasEnded ||= type === COMMAND_COMPLETE || type === ERROR;
      this.frozen ||= this.frozenBeforeReady && hasEnded && type === READY_FOR_QUERY;
      hasEnded &&= type !== READY_FOR_QUERY;
      if (this.frozen) this.heldBack.push(() => client.write(whole));
      else client.write(whole);
    });
    server.on('data', readServer);
    client.on('close', () => server.destroy());
    server.on('close', () => client.destroy());
  }
}

interface ReadMessage extends WireMessage {
  readonly whole: Buffer;
}

/**
 * Cuts a byte stream into messages: a type byte and a length, except for the first one of a client, which has no type.
 */
function messageReader(started: boolean, onMessage: (message: ReadMessage) => void): (chunk: Buffer) => void {
  let pending = Buffer.alloc(0);
  let head = started ? 1 : 0;
  return (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= head + 4) {
      const end = head + pending.readInt32BE(head);
      if (pending.length < end) return;
      const whole = pending.subarray(0, end);
      onMessage({ type: head === 0 ? '' : whole.toString('latin1', 0, 1), body: whole.subarray(head + 4), whole });
      pending = pending.subarray(end);
      head = 1;
    }
  };
}
