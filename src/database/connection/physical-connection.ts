import type pg from 'pg';
import { requestCancel } from './cancel-request.js';
import { internalsOf } from './pg-internals.js';
import { SessionState } from './session-state.js';
import { type ConnectionConfig, ReadWriteClient } from './read-write-client.js';
import { isRefusedLogin } from './server-addresses.js';

/** Time limit for an orderly close before the socket is destroyed: a frozen server never responds. */
const CLOSE_GRACE_MS = 1_000;
/** The same for a connection revoked from a tenant that is no longer served. */
export const REVOKE_GRACE_MS = 250;

export interface OpenOptions {
  /** Called when the connection breaks or the server closes it, but not for `close` and `destroyNow`. */
  readonly onLost: (lost: PhysicalConnection) => void;
  /** Aborts opening. */
  readonly signal?: AbortSignal;
}

/** An open connection to PostgreSQL, until its socket is closed. */
export class PhysicalConnection {
  /** Resolves once the server has closed the connection, or its socket was destroyed. */
  readonly closed: Promise<void>;
  private markClosed!: () => void;
  private closing = false;
  private destroying = false;
  private isClosed = false;
  private grace: NodeJS.Timeout | undefined;

  private constructor(
    readonly client: ReadWriteClient,
    private readonly session: SessionState,
  ) {
    this.closed = new Promise((resolve) => {
      this.markClosed = () => {
        this.isClosed = true;
        clearTimeout(this.grace);
        resolve();
      };
    });
  }

  /**
   * Opens a connection within the configuration's `connectionTimeoutMillis`; after that, node-postgres destroys the
   * socket. Where the server has further addresses, looking for the primary may take as long before that; if the address that
   * was the primary a moment ago fails, this is done once more. No failure leaves a socket open.
   *
   * @throws ReadOnlyServerError, the error of node-postgres, or the signal's reason
   */
  static async open(config: ConnectionConfig, options: OpenOptions): Promise<PhysicalConnection> {
    const client = new ReadWriteClient(config);
    try {
      return await PhysicalConnection.openWith(client, options);
    } catch (error) {
      if (options.signal?.aborted || !client.hasChosenAddress || isRefusedLogin(error)) throw error;
      return PhysicalConnection.openWith(new ReadWriteClient({ ...config, isSecondAttempt: true }), options);
    }
  }

  private static async openWith(client: ReadWriteClient, { onLost, signal }: OpenOptions): Promise<PhysicalConnection> {
    client.on('error', () => undefined); // 'end' follows; pending queries reject with the same error
    const session = new SessionState(internalsOf(client).connection, () => client.isOwnCommand());
    await connect(client, signal);
    session.markConnected();
    const connection = new PhysicalConnection(client, session);
    client.once('end', () => {
      connection.markClosed();
      if (!connection.closing) onLost(connection);
    });
    client.on('error', () => {
      if (!connection.closing) onLost(connection);
    });
    return connection;
  }

  /** Whether the server responds to a query within `timeoutMs` and accepts writes. Never rejects. */
  async respondsAsPrimary(timeoutMs: number): Promise<boolean> {
    try {
      await this.client.askServer(timeoutMs);
      return !this.refusesWrites;
    } catch {
      return false; // the reason does not matter: the connection is closed and replaced
    }
  }

  /**
   * Whether the connection can be handed to another caller: no statement is running, no transaction is open (an
   * unknown status counts as open), and no command has left something on the session that the next tenant's statements
   * would meet. The transaction status alone is not enough: during a statement it is still the one from before it.
   */
  get isClean(): boolean {
    return this.isReady && this.hasInitialSession;
  }

  /** Whether a statement would run at once and in a transaction of its own, whatever earlier ones left on the session. */
  get isReady(): boolean {
    return internalsOf(this.client).readyForQuery && this.client.getTransactionStatus() === 'I';
  }

  /**
   * Whether the session is as the connection was opened: its server accepts writes, its reported settings are the same,
   * and no command ran that leaves anything else behind, such as `PREPARE`, `LISTEN` or `CREATE TABLE`.
   */
  get hasInitialSession(): boolean {
    return this.session.isInitial && !this.refusesWrites;
  }

  /** Whether the server was demoted, or the session made read-only: other connections to the server are suspect. */
  get refusesWrites(): boolean {
    return this.client.refusesWrites;
  }

  /**
   * Closes the connection in an orderly way, and by force when that takes longer than `graceMs`. A running statement is
   * cancelled first; otherwise its backend would continue until the statement timeout without counting towards our
   * limits. The order is: cancel, send Terminate, wait for the server to close. Only then does `closed` resolve, which
   * frees the budget slot.
   */
  close(graceMs = CLOSE_GRACE_MS): void {
    if (this.closing) return;
    this.closing = true;
    if (this.isClosed) return;
    this.grace = setTimeout(() => this.destroyNow(), graceMs);
    stopSending(this.client);
    if (this.isBusy) void requestCancel(this.client).then(() => this.isClosed || terminate(this.client));
    else terminate(this.client);
  }

  /**
   * Destroys the socket; pending queries reject. A running statement is cancelled first, because PgBouncer does not
   * forward cancel requests of a client that has disconnected. `closed` resolves after both.
   */
  destroyNow(): void {
    this.closing = true;
    if (this.destroying || this.isClosed) return;
    this.destroying = true;
    stopSending(this.client);
    internalsOf(this.client).connection.stream.pause(); // hides the "canceled" error from pending callers
    if (this.isBusy) void requestCancel(this.client).then(() => this.destroy());
    else this.destroy();
  }

  private get isBusy(): boolean {
    return !internalsOf(this.client).readyForQuery;
  }

  private destroy(): void {
    internalsOf(this.client).connection.stream.destroy();
    this.markClosed();
  }
}

/** node-postgres leaves the socket open when the login fails on the client's side. */
async function connect(client: ReadWriteClient, signal: AbortSignal | undefined): Promise<void> {
  const destroySocket = (): void => client.abandon();
  signal?.addEventListener('abort', destroySocket);
  try {
    signal?.throwIfAborted();
    await client.connect();
  } catch (error) {
    destroySocket();
    throw error;
  } finally {
    signal?.removeEventListener('abort', destroySocket);
  }
}

/** Sends nothing more: new statements are rejected as after `Client#end`, and cursors cannot fetch more rows. */
function stopSending(client: pg.Client): void {
  const internals = internalsOf(client);
  internals._ending = true;
  internals.connection._send = () => false;
}

/**
 * Sends Terminate and lets the server close its side. `Client#end` would destroy the socket of a busy or broken
 * connection while its backend lives on, so that the server would have more connections than we count.
 */
function terminate(client: pg.Client): void {
  internalsOf(client).connection.end();
}

/** Why a connection was closed; the metrics use it as a label. */
export type CloseReason =
  /** Reached its maximum age (`DB_POOL_RECYCLE`). */
  | 'recycled'
  /** Idle, in excess of `DB_POOL_SIZE`. */
  | 'overflow'
  /** Broken by an error, or released with a statement, a transaction or a changed setting left behind. */
  | 'discarded'
  /** Broken, or closed by the server. */
  | 'lost'
  /** Failed validation before use. */
  | 'unanswering'
  /** Its slot was needed by another target of the same server. */
  | 'server-limit'
  /** Its target changed, or the process is shutting down. */
  | 'ending'
  /** Its target has not been used for a long time. */
  | 'unused'
  /** Pooling is off: each connection is used once. */
  | 'direct'
  /** Held, or idle while held, for too long. */
  | 'expired'
  /** Destroyed while held or validated: at the shutdown deadline, or shortly after its tenant was suspended. */
  | 'cut';
