import net from 'node:net';
import type { ConnectionTarget } from '../../../src/database/connection/connection-target.js';

/** The ways in which a pooler can be wrong. */
export type Fault = 'none' | 'shares transactions' | 'keeps settings';

interface Turn {
  readonly client: net.Socket;
  readonly messages: Buffer;
}

/** Query and Sync end a client's turn; ReadyForQuery ends the answer to it. */
const QUERY = 0x51;
const SYNC = 0x53;
const TERMINATE = 0x58;
const READY = 0x5a;
const AUTHENTICATION = 0x52;
/** `AuthenticationOk`: the server requests no (further) credentials. */
const AUTHENTICATED = Buffer.from([AUTHENTICATION, 0, 0, 0, 8, 0, 0, 0, 0]);

/**
 * A pooler that can be wrong on purpose: every client's statements go over the one connection that the first client has
 * logged in on, a whole transaction at a time. When it `shares transactions`, others get a turn within one; when it
 * `keeps settings`, what was to last for a transaction lasts.
 */
export class CarelessPooler {
  private readonly sockets = new Set<net.Socket>();
  private readonly server = net.createServer((client) => this.accept(client));
  private readonly turns: Turn[] = [];
  private backend: net.Socket | undefined;
  /** PostgreSQL's messages to the first client after its login; replayed to every other client. */
  private greeting: Buffer | undefined;
  private serving: Turn | undefined;
  /** The client whose transaction is open. */
  private owner: net.Socket | undefined;

  private constructor(
    private readonly upstream: ConnectionTarget['server'],
    private readonly fault: Fault,
  ) {}

  static async before({ server }: ConnectionTarget, fault: Fault): Promise<CarelessPooler> {
    const pooler = new CarelessPooler(server, fault);
    await new Promise<void>((resolve) => pooler.server.listen(0, '127.0.0.1', resolve));
    return pooler;
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private accept(client: net.Socket): void {
    this.keep(client);
    const cut = cutter(false);
    const first = this.backend === undefined;
    const backend = (this.backend ??= this.connect(client));
    let turn: Buffer[] = [];
    let started = false;
    client.on('data', (chunk) => {
      for (const message of cut(chunk)) {
        if (first && this.greeting === undefined) backend.write(message);
        else if (!started && !first) void this.greet(client);
        else if (message[0] === TERMINATE) client.end();
        else turn.push(message);
        started = true;
        if (message[0] !== QUERY && message[0] !== SYNC) continue;
        this.turns.push({ client, messages: Buffer.concat(turn) });
        turn = [];
        this.next();
      }
    });
  }

  private connect(client: net.Socket): net.Socket {
    const backend = this.keep(net.connect(this.upstream.port, this.upstream.host));
    const cut = cutter(true);
    let greeting: Buffer[] | undefined;
    backend.on('data', (chunk) => {
      for (const message of cut(chunk)) {
        (this.serving?.client ?? client).write(message);
        if (message.equals(AUTHENTICATED)) greeting = [];
        if (this.greeting === undefined) greeting?.push(message);
        if (message[0] === READY) this.ready(message, greeting ?? []);
      }
    });
    return backend;
  }

  /** A second client may connect before the first one has logged in. */
  private async greet(client: net.Socket): Promise<void> {
    while (this.greeting === undefined) await new Promise(setImmediate);
    client.write(this.greeting);
  }

  private ready(message: Buffer, greeting: Buffer[]): void {
    this.greeting ??= Buffer.concat(greeting);
    const idle = message.toString('latin1', 5) === 'I';
    this.owner = idle || this.fault === 'shares transactions' ? undefined : this.serving?.client;
    this.serving = undefined;
    this.next();
  }

  private next(): void {
    if (this.serving !== undefined) return;
    const index = this.turns.findIndex(({ client }) => this.owner === undefined || client === this.owner);
    [this.serving] = index < 0 ? [] : this.turns.splice(index, 1);
    if (this.serving) this.backend?.write(this.corrupt(this.serving.messages));
  }

  /**
   * Makes transaction-local settings last. The replacement has the same length, so that no message changes its size.
   */
  private corrupt(messages: Buffer): Buffer {
    if (this.fault !== 'keeps settings') return messages;
    const text = messages.toString('latin1').replaceAll(', true)', ", 'f' )");
    return Buffer.from(text, 'latin1');
  }

  private keep(socket: net.Socket): net.Socket {
    this.sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    return socket;
  }
}

/**
 * Cuts a byte stream into messages: a type byte and a length, except for the first one of a client, which has no type.
 */
function cutter(started: boolean): (chunk: Buffer) => Buffer[] {
  let pending = Buffer.alloc(0);
  let head = started ? 1 : 0;
  return (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    const messages: Buffer[] = [];
    while (pending.length >= head + 4 && pending.length >= head + pending.readInt32BE(head)) {
      const end = head + pending.readInt32BE(head);
      messages.push(pending.subarray(0, end));
      pending = pending.subarray(end);
      head = 1;
    }
    return messages;
  };
}
