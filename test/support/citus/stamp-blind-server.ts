import net from 'node:net';
import type { ConnectionTarget } from '../../../src/database/connection/connection-target.js';
import { testServer } from '../postgres/postgres.js';
import { asWorkerSays, blinded, type Block } from './blind-texts.js';
import { type Message, messageCutter, stringAt, toBytes } from './wire-messages.js';

/** What to stand in front of, and how. */
export interface StampBlindOptions {
  readonly upstream?: { readonly host: string; readonly port: number };
  /** Whether the databases behind it say that Citus is installed. */
  readonly saysCitus?: boolean;
  /** Default: any. */
  readonly port?: number;
}

/**
 * A stand-in for a Citus coordinator: a proxy before a plain PostgreSQL that loses the stamps which Citus does not send to
 * its workers (`blind-texts`). What shards, moves and DDL do there, it does not show.
 *
 * It is blind for login roles only. The owner's connections pass as they are.
 */
export class StampBlindServer {
  private readonly sockets = new Set<net.Socket>();
  private readonly server = net.createServer((client) => this.accept(client));
  private readonly upstream: { readonly host: string; readonly port: number };
  /** The writes of clients since the last `take`, each with the types of its messages. */
  private writes: string[] = [];
  private holdsBack = false;
  private readiesToPass = Infinity;

  private constructor(private readonly options: StampBlindOptions) {
    this.upstream = options.upstream ?? testServer();
  }

  static async start(options: StampBlindOptions = {}): Promise<StampBlindServer> {
    const proxy = new StampBlindServer(options);
    await new Promise<void>((resolve) => proxy.server.listen(options.port ?? 0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.server.address() as net.AddressInfo).port;
  }

  /** The target with the proxy as its address. */
  through(target: ConnectionTarget): ConnectionTarget {
    return { ...target, server: { ...target.server, host: '127.0.0.1', port: this.port } };
  }

  /** The writes since the last call: `PBEPBDESPBES` has two `Sync`s. */
  takeWrites(): string[] {
    return this.writes.splice(0);
  }

  /** Lets so many `ReadyForQuery` pass, and nothing behind the last of them. */
  passReadies(count: number): void {
    this.readiesToPass = count;
  }

  /** Resolves once something is held back. */
  async somethingHeldBack(): Promise<void> {
    while (!this.holdsBack) await new Promise(setImmediate);
  }

  /** Destroys all connections without a message. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
    this.holdsBack = false;
    this.readiesToPass = Infinity;
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
      socket.on('error', () => undefined); // 'close' follows
      socket.on('close', () => {
        this.sockets.delete(socket);
        (socket === client ? server : client).destroy();
      });
    }
    const cutClient = messageCutter(false);
    const cutServer = messageCutter(true);
    const link = new Link(this.options.saysCitus ?? true);
    client.on('data', (chunk) => {
      const messages = cutClient(chunk);
      if (!messages.some(({ type }) => type === '' || type === 'p')) this.writes.push(typesOf(messages));
      for (const message of messages) server.write(toBytes(link.toServer(message)));
    });
    server.on('data', (chunk) => {
      for (const message of cutServer(chunk)) this.pass(link.toClient(message), client);
    });
  }

  private pass(message: Message, client: net.Socket): void {
    if (this.readiesToPass > 0) client.write(toBytes(message));
    else this.holdsBack = true;
    if (message.type === 'Z') this.readiesToPass -= 1;
  }
}

function typesOf(messages: readonly Message[]): string {
  return messages.map(({ type }) => type).join('');
}

/** One connection. */
class Link {
  private isBlind = false;
  private block: Block = { isOpen: false, propagates: false };

  constructor(private readonly saysCitus: boolean) {}

  toServer(message: Message): Message {
    const { type, body } = message;
    if (type === '') this.isBlind = isLoginRole(body);
    if (type === 'Q') return { type, body: Buffer.from(`${this.read(stringAt(body, 0).text, true)}\0`) };
    if (type !== 'P') return message;
    const name = stringAt(body, 0);
    const { text, end } = stringAt(body, name.end + 1);
    return {
      type,
      body: Buffer.concat([Buffer.from(`${name.text}\0${this.read(text, false)}\0`), body.subarray(end + 1)]),
    };
  }

  toClient(message: Message): Message {
    return this.isBlind && message.type === 'E' ? { ...message, body: asWorkerSays(message.body) } : message;
  }

  private read(text: string, isSimple: boolean): string {
    const asked = this.saysCitus ? asCitus(text) : text;
    if (!this.isBlind) return asked;
    const { block, text: seen } = blinded(asked, isSimple, this.block);
    this.block = block;
    return seen;
  }
}

const WORKERS = /\brun_command_on_workers\((\$1|\$command\$[^]*?\$command\$)\)/;

/** A text to which the database answers as one with Citus, with hidden texts, and with no node besides the coordinator. */
function asCitus(text: string): string {
  return text
    .replaceAll(`extname = 'citus'`, `extname = 'plpgsql'`)
    .replaceAll(`current_setting('track_activities')`, `'off'`)
    .replace(
      WORKERS,
      (_call, command: string) =>
        `(SELECT '' AS nodename, 0 AS nodeport, true AS success, '' AS result WHERE ${command}::text IS NULL) none`,
    );
}

/** Whether a startup message is that of a login role. */
function isLoginRole(startup: Buffer): boolean {
  const user = /(?:^|\0)user\0([^\0]*)\0/.exec(startup.toString('utf8', 4))?.[1];
  const { owner, superuser } = testServer();
  return user !== undefined && user !== owner && user !== superuser;
}
