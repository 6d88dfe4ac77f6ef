import type { EventEmitter } from 'node:events';
import pg from 'pg';
import { requestCancel } from './cancel-request.js';
import { ReportedSettings } from './reported-settings.js';

/** How long a connection may take to close in order before its socket is destroyed: a frozen server never answers. */
const CLOSE_GRACE_MS = 1_000;
/** The same when it is taken from a tenant that is not served any more. */
export const REVOKE_GRACE_MS = 250;

interface OpenOptions {
  /** The pool's clock, in ms. */
  readonly now: () => number;
  readonly retireAt: number;
  /** Called when it breaks or is closed from the other side, not when we close it. */
  readonly onLost: (lost: PhysicalConnection) => void;
  /** Ends the attempt. */
  readonly signal?: AbortSignal;
}

/** One connection to PostgreSQL, from the moment it is open until its socket is closed. */
export class PhysicalConnection {
  /** When it was last known to be alive, in ms of the pool's clock. */
  aliveAt: number;
  /** How many hold it: one alone, or several who share it. */
  holders = 0;
  /** When it was lent, or one who shares it gave it back: the next one's statement runs since then. */
  movedAt = 0;
  /** Why it is closed once nobody holds it; no further one gets a place on it. */
  closeReason: CloseReason | undefined;
  /** Resolves once the server has closed it, or it was cut. */
  readonly closed: Promise<void>;
  private markClosed!: () => void;
  private closing = false;
  private destroying = false;
  private isClosed = false;
  private grace: NodeJS.Timeout | undefined;

  private constructor(
    readonly client: pg.Client,
    private readonly settings: ReportedSettings,
    openedAt: number,
    /** When it is to be replaced, in ms of the pool's clock. */
    readonly retireAt: number,
  ) {
    this.aliveAt = openedAt;
    this.closed = new Promise((resolve) => {
      this.markClosed = () => {
        this.isClosed = true;
        clearTimeout(this.grace);
        resolve();
      };
    });
  }

  /**
   * Opens one within the configuration's `connectionTimeoutMillis`; when that passes, node-postgres destroys the socket.
   *
   * Whatever goes wrong, no socket is left open.
   */
  static async open(
    config: pg.ClientConfig,
    { now, retireAt, onLost, signal }: OpenOptions,
  ): Promise<PhysicalConnection> {
    const client = new pg.Client(config);
    client.on('error', () => undefined); // 'end' follows; whoever waits on a statement is told
    const settings = new ReportedSettings(internals(client).connection);
    await connect(client, signal);
    settings.connected();
    const connection = new PhysicalConnection(client, settings, now(), retireAt);
    client.once('end', () => {
      connection.markClosed();
      if (!connection.closing) onLost(connection);
    });
    client.on('error', () => {
      if (!connection.closing) onLost(connection);
    });
    return connection;
  }

  /** Whether it still answers, asked within `timeoutMs`, and leads to a server that writes: no standby. */
  async answers(timeoutMs: number): Promise<boolean> {
    const question = { text: 'SELECT pg_is_in_recovery() AS standby', query_timeout: timeoutMs };
    try {
      const { rows } = await this.client.query<{ standby: boolean }>(question);
      return rows[0]?.standby === false;
    } catch {
      return false; // why does not matter: it is closed and another one is opened
    }
  }

  /**
   * False in the middle of a statement, while a transaction is open, and when nobody can tell. The transaction status
   * alone is that of before the statement. False too when a statement changed a setting for the whole session: the next
   * tenant's statements would be read, stored or answered differently.
   */
  get isAtRest(): boolean {
    return internals(this.client).readyForQuery && this.client.getTransactionStatus() === 'I' && this.hasOwnSettings;
  }

  /** Whether its settings are those that it was opened with. */
  get hasOwnSettings(): boolean {
    return this.settings.areAsAtConnect;
  }

  /**
   * Closes it in order, and by force when that takes longer than `graceMs`. In the middle of a statement the server is
   * told to stop that first, or its backend would go on until the statement's deadline, unseen by our limits. The order
   * is: cancel, say good-bye, wait for the server to close, and only then is `closed` resolved and the place given back.
   */
  close(graceMs = CLOSE_GRACE_MS): void {
    if (this.closing) return;
    this.closing = true;
    if (this.isClosed) return;
    this.grace = setTimeout(() => this.destroyNow(), graceMs);
    silence(this.client);
    if (this.isBusy) void requestCancel(this.client).then(() => this.isClosed || terminate(this.client));
    else terminate(this.client);
  }

  /**
   * Destroys the socket; whoever waits on a statement gets an error. The server is told to stop that statement before,
   * because PgBouncer forgets whom a request to cancel is from when they have left. The place is given back after both.
   */
  destroyNow(): void {
    this.closing = true;
    if (this.destroying || this.isClosed) return;
    this.destroying = true;
    silence(this.client);
    internals(this.client).connection.stream.pause(); // that it was cancelled is not what those who wait are to be told
    if (this.isBusy) void requestCancel(this.client).then(() => this.destroy());
    else this.destroy();
  }

  private get isBusy(): boolean {
    return !internals(this.client).readyForQuery;
  }

  private destroy(): void {
    internals(this.client).connection.stream.destroy();
    this.markClosed();
  }
}

/** node-postgres leaves the socket open when the login fails on our side of it. */
async function connect(client: pg.Client, signal: AbortSignal | undefined): Promise<void> {
  const giveUp = (): void => internals(client).connection.stream.destroy();
  signal?.addEventListener('abort', giveUp);
  try {
    signal?.throwIfAborted();
    await client.connect();
  } catch (error) {
    giveUp();
    throw error;
  } finally {
    signal?.removeEventListener('abort', giveUp);
  }
}

/** Nothing more is sent: neither a statement, which is refused as after `Client#end`, nor a cursor's wish for more rows. */
function silence(client: pg.Client): void {
  const inside = internals(client);
  inside._ending = true;
  inside.connection._send = () => false;
}

/**
 * Says good-bye and waits for the server to close its side. `Client#end` destroys the socket of a connection that is busy
 * or broken, while its backend lives on, so that the server would have more connections than we count.
 */
function terminate(client: pg.Client): void {
  internals(client).connection.end();
}

/** What node-postgres does not type (pg/lib/client.js, pg/lib/connection.js). */
interface ClientInternals {
  _ending: boolean;
  /** False from the sending of a statement until the server has said that it is ready for the next. */
  readonly readyForQuery: boolean;
  readonly connection: EventEmitter & {
    readonly stream: { destroy(): void; pause(): void };
    _send: (message: Buffer) => boolean;
    end(): void;
  };
}

function internals(client: pg.Client): ClientInternals {
  return client as unknown as ClientInternals;
}
/** Why connections were closed. */
export type CloseReason =
  /** Its time was over (`DB_POOL_RECYCLE`). */
  | 'recycled'
  /** Above `DB_POOL_SIZE` and idle. */
  | 'overflow'
  /** Broken by an error, or given back with something left open. */
  | 'discarded'
  /** Closed from the other side while idle. */
  | 'lost'
  /** It did not answer when it was looked at before use. */
  | 'unanswering'
  /** Idle, and its place was needed for another target of the server. */
  | 'server-limit'
  /** Its target changed or the process stops. */
  | 'ending'
  /** Nobody used its target for long. */
  | 'unused'
  /** Pooling is off: each is used once. */
  | 'direct'
  /** Still held at the end of the shutdown, or a moment after its tenant was suspended. */
  | 'cut';
