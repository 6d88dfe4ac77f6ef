import pg from 'pg';
import { markOwnRefusal } from '../../platform/postgres/lost-connection.js';
import { ReadOnlyServerError } from './connection.errors.js';
import { internalsOf, type ParameterStatus } from './pg-internals.js';
import type { SlotSource } from './slot-source.js';

/** Reported by a server from version 14 on, and `on` where it refuses writes. */
const READ_ONLY_SETTINGS: ReadonlySet<string> = new Set(['in_hot_standby', 'default_transaction_read_only']);
/** The error of a write in a read-only transaction; on a standby every transaction is read-only. */
const READ_ONLY_TRANSACTION = '25006';

const ASK = `SELECT pg_is_in_recovery() AS in_hot_standby,
  current_setting('transaction_read_only')::boolean AS default_transaction_read_only`;

export interface ConnectionConfig extends pg.ClientConfig {
  /** A pooler reports what one of its connections once reported: the server itself is asked instead. */
  readonly isBehindPooler?: boolean;
  /** The connection occupies one of these slots from before it is opened until it has closed; none unless given. */
  readonly slots?: SlotSource | undefined;
}

/** Time limit for an orderly close of a connection with a slot. */
const CLOSE_GRACE_MS = 1_000;
/** Time limit for a slot where the configuration has none for connecting. */
const SLOT_TIMEOUT_MS = 10_000;

/**
 * A node-postgres client that connects only to a server that accepts writes, as libpq does with
 * `target_session_attrs=read-write`, and notices when its server no longer does. An old primary that was demoted in a
 * planned switchover keeps its sessions and goes on answering reads.
 *
 * Sources: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-ASYNC,
 * https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-TARGET-SESSION-ATTRS
 */
export class ReadWriteClient extends pg.Client {
  /** Set by the holder during a transaction that its caller has made read-only. */
  isReadOnlyTransaction = false;
  private readonly isBehindPooler: boolean;
  private readonly slots: SlotSource | undefined;
  private readonly slotTimeoutMs: number;
  /** Settings of `READ_ONLY_SETTINGS` that are `on`. */
  private readonly readOnly = new Set<string>();
  private wasWriteRefused = false;
  private isOpen = false;
  private notifyReadOnly: () => void = () => undefined;

  constructor(config: ConnectionConfig) {
    super(config);
    this.isBehindPooler = config.isBehindPooler ?? false;
    this.slots = config.slots;
    this.slotTimeoutMs = config.connectionTimeoutMillis ?? SLOT_TIMEOUT_MS;
    const { connection } = internalsOf(this);
    connection.on('parameterStatus', (status: ParameterStatus) => this.onReported(status));
    connection.on('errorMessage', (error: pg.DatabaseError) => this.onError(error));
  }

  /**
   * Whether the connection is to be closed after the statement under way, because its server refuses writes. A session
   * that set `default_transaction_read_only` itself is closed as well, which says nothing about the server.
   */
  get refusesWrites(): boolean {
    return this.wasWriteRefused || this.readOnly.size > 0;
  }

  /** Calls the listener when `refusesWrites` becomes true on an open connection, before the statement under way ends. */
  onReadOnly(listener: () => void): void {
    this.notifyReadOnly = listener;
  }

  override connect(): Promise<pg.Client>;
  override connect(callback: (error: Error) => void): void;
  /** @throws ReadOnlyServerError, or the error of node-postgres */
  override connect(callback?: (error: Error) => void): Promise<pg.Client> | void {
    const connected = this.connectToPrimary();
    if (!callback) return connected;
    void callBack(connected, callback);
  }

  override end(): Promise<void>;
  override end(callback: (error: Error) => void): void;
  /** A connection with a slot is closed within `CLOSE_GRACE_MS`: a frozen server would keep the slot for ever. */
  override end(callback?: (error: Error) => void): Promise<void> | void {
    if (this.slots) this.destroyUnlessClosed();
    return callback ? super.end(callback) : super.end();
  }

  /** Asks the server; afterwards `refusesWrites` holds its answer. @throws the error of the query */
  async askServer(timeoutMs?: number): Promise<void> {
    const query = { text: ASK, ...(timeoutMs !== undefined && { query_timeout: timeoutMs }) };
    const { rows } = await this.query<Record<string, boolean>>(query);
    for (const [setting, isOn] of Object.entries(rows[0] ?? {})) this.record(setting, isOn);
  }

  private async connectToPrimary(): Promise<this> {
    await this.occupySlot();
    await super.connect();
    if (this.isBehindPooler) {
      this.readOnly.clear();
      await this.askServer();
    }
    this.isOpen = true;
    if (!this.refusesWrites) return this;
    void this.end().catch(() => undefined); // not awaited: the server may not respond
    throw new ReadOnlyServerError(this.readOnly.has('in_hot_standby'));
  }

  private async occupySlot(): Promise<void> {
    const { slots } = this;
    if (!slots) return;
    await slots.acquire(this.slotTimeoutMs);
    this.once('end', () => slots.release()); // follows every attempt to connect, also one that fails
  }

  private destroyUnlessClosed(): void {
    const { stream } = internalsOf(this).connection;
    const grace = setTimeout(() => stream.destroy(), CLOSE_GRACE_MS).unref();
    this.once('end', () => clearTimeout(grace));
  }

  private onReported({ parameterName, parameterValue }: ParameterStatus): void {
    if (READ_ONLY_SETTINGS.has(parameterName)) this.record(parameterName, parameterValue === 'on');
  }

  private onError(error: pg.DatabaseError): void {
    if (error.code !== READ_ONLY_TRANSACTION || this.refusesWrites) return;
    if (this.isReadOnlyTransaction) return markOwnRefusal(error);
    this.wasWriteRefused = true;
    if (this.isOpen) this.notifyReadOnly();
  }

  private record(setting: string, isOn: boolean): void {
    const before = this.refusesWrites;
    if (isOn) this.readOnly.add(setting);
    else this.readOnly.delete(setting);
    if (this.isOpen && !before && this.refusesWrites) this.notifyReadOnly();
  }
}

/** Without an error the callback gets undefined, which the types of node-postgres leave out. */
async function callBack(connected: Promise<unknown>, callback: (error: Error) => void): Promise<void> {
  let failure: unknown;
  try {
    await connected;
  } catch (error) {
    failure = error;
  }
  callback(failure as Error);
}
