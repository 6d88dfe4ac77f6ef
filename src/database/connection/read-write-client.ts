import pg from 'pg';
import { endsWithin } from '../../platform/timeout.js';
import { markOwnRefusal } from '../../platform/postgres/lost-connection.js';
import { restoreNames } from '../citus/shard-names.js';
import { ReadOnlyServerError } from './connection.errors.js';
import type { HostAndPort } from '../../platform/postgres/database-url.js';
import { internalsOf, type ParameterStatus } from './pg-internals.js';
import { type Scout, ServerAddresses } from './server-addresses.js';
import type { SlotSource } from './slot-source.js';

/** Reported by a server from version 14 on, and `on` where it refuses writes. */
const READ_ONLY_SETTINGS: ReadonlySet<string> = new Set(['in_hot_standby', 'default_transaction_read_only']);
/** The error of a write in a read-only transaction; on a standby every transaction is read-only. */
const READ_ONLY_TRANSACTION = '25006';

const ASK = `SELECT pg_is_in_recovery() AS in_hot_standby,
  current_setting('transaction_read_only')::boolean AS default_transaction_read_only`;

export interface ConnectionConfig extends pg.ClientConfig {
  /** All addresses of the server, where it has several: the one that accepts writes takes the place of `host` and `port`. */
  readonly addresses?: readonly HostAndPort[];
  /** Whether the address that accepted writes a moment ago has just failed for this connection: it is asked again, too. */
  readonly isSecondAttempt?: boolean;
  /** A pooler reports what one of its connections once reported: the server itself is asked instead. */
  readonly isBehindPooler?: boolean;
  /** The connection occupies one of these slots from before it is opened until it has closed; none unless given. */
  readonly slots?: SlotSource | undefined;
  /** It may lead to a standby, whose refusals of writes say nothing about it. */
  readonly isReplica?: boolean;
}

/** Time limit for an orderly close of a connection with a slot. */
const CLOSE_GRACE_MS = 1_000;
/** Time limit for a slot where the configuration has none for connecting. */
const SLOT_TIMEOUT_MS = 10_000;

/**
 * A node-postgres client that connects only to a server that accepts writes, as libpq does with
 * `target_session_attrs=read-write`, and notices when its server no longer does. An old primary that was demoted in a
 * planned switchover keeps its sessions and goes on answering reads. To a replica it connects whatever that is.
 *
 * Sources: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-ASYNC,
 * https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-TARGET-SESSION-ATTRS
 */
export class ReadWriteClient extends pg.Client {
  /** Set by the holder during a transaction that its caller has made read-only. */
  isReadOnlyTransaction = false;
  /** Whether the statement that the server is working on was made read-only by us; set by what sends several on a connection. */
  isReadOnlyStatement: () => boolean = () => false;
  /** Whether its database has Citus, which is asked once per pool. */
  hasCitus = false;
  /** Whether the command that the server is working on was made here, whatever its tag. */
  isOwnCommand: () => boolean = () => false;
  private readonly isSecondAttempt: boolean;
  private readonly isBehindPooler: boolean;
  private readonly isReplica: boolean;
  private readonly slots: SlotSource | undefined;
  private readonly slotTimeoutMs: number;
  /** Undefined where the server has one address. */
  private readonly addresses: ServerAddresses | undefined;
  private readonly scout: Scout;
  private readonly login: string;
  private chosen: HostAndPort | undefined;
  private readonly ended = new AbortController();
  /** Settings of `READ_ONLY_SETTINGS` that are `on`. */
  private readonly readOnly = new Set<string>();
  private wasWriteRefused = false;
  private isOpen = false;
  private notifyReadOnly: () => void = () => undefined;

  constructor(config: ConnectionConfig) {
    super(config);
    this.isSecondAttempt = config.isSecondAttempt ?? false;
    this.isBehindPooler = config.isBehindPooler ?? false;
    this.isReplica = config.isReplica ?? false;
    this.slots = config.slots;
    this.slotTimeoutMs = config.connectionTimeoutMillis ?? SLOT_TIMEOUT_MS;
    this.addresses = config.addresses && ServerAddresses.of(config.addresses);
    const { password } = config; // not enumerable in what node-postgres' pool passes on
    this.scout = (address, signal) => askAddress({ ...config, ...(password && { password }), ...address }, signal);
    this.login = loginOf(config);
    const { connection } = internalsOf(this);
    connection.on('parameterStatus', (status: ParameterStatus) => this.onReported(status));
    connection.on('errorMessage', (error: pg.DatabaseError) => this.onError(error));
  }

  /**
   * Whether the connection is to be closed after the statement under way, because its server refuses writes. A session
   * that set `default_transaction_read_only` itself is closed as well, which says nothing about the server.
   */
  get refusesWrites(): boolean {
    return !this.isReplica && (this.wasWriteRefused || this.readOnly.size > 0);
  }

  /** Whether the primary was found among further addresses, so that a failure to connect is that of this address alone. */
  get hasChosenAddress(): boolean {
    return this.chosen !== undefined;
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
    this.ended.abort(new Error('Connection terminated'));
    if (this.slots) this.destroyUnlessClosed();
    return callback ? super.end(callback) : super.end();
  }

  /** Ends an attempt to connect: it rejects at once. */
  abandon(): void {
    this.ended.abort(new Error('Connection terminated'));
    internalsOf(this).connection.stream.destroy();
  }

  /** Asks the server; afterwards `refusesWrites` holds its answer. @throws the error of the query */
  async askServer(timeoutMs?: number): Promise<void> {
    const query = { text: ASK, ...(timeoutMs !== undefined && { query_timeout: timeoutMs }) };
    const { rows } = await this.query<Record<string, boolean>>(query);
    for (const [setting, isOn] of Object.entries(rows[0] ?? {})) this.record(setting, isOn);
  }

  private async connectToPrimary(): Promise<this> {
    await this.occupySlot();
    await this.chooseAddress();
    try {
      await super.connect();
    } catch (error) {
      this.doubtAddress();
      throw error;
    }
    if (this.isBehindPooler) {
      this.readOnly.clear();
      await this.askServer();
    }
    this.isOpen = true;
    if (!this.refusesWrites) return this;
    const isStandby = this.readOnly.has('in_hot_standby');
    if (isStandby) this.doubtAddress(); // else it may be this role or database alone that refuses
    void this.end().catch(() => undefined); // not awaited: the server may not respond
    throw new ReadOnlyServerError(isStandby);
  }

  private async occupySlot(): Promise<void> {
    const { slots } = this;
    if (!slots) return;
    await slots.acquire(this.slotTimeoutMs);
    this.once('end', () => slots.release()); // follows every attempt to connect, also one that fails
  }

  private async chooseAddress(): Promise<void> {
    const { addresses } = this;
    if (!addresses) return;
    try {
      const find = (): Promise<HostAndPort> => addresses.find(this.scout, this.login, this.isSecondAttempt);
      this.chosen = await unlessAborted(find, this.ended.signal);
      Object.assign(internalsOf(this), this.chosen);
    } catch (error) {
      this.emit('end'); // as after an attempt to connect
      throw error;
    }
    this.once('error', () => this.doubtAddress());
  }

  private doubtAddress(): void {
    if (this.chosen) this.addresses?.doubt(this.chosen);
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
    if (this.hasCitus) restoreNames(error);
    if (error.code !== READ_ONLY_TRANSACTION || this.refusesWrites) return;
    if (this.isReplica || this.isReadOnlyTransaction || this.isReadOnlyStatement()) return markOwnRefusal(error);
    this.wasWriteRefused = true;
    this.onRefusesWrites();
  }

  private record(setting: string, isOn: boolean): void {
    const before = this.refusesWrites;
    if (isOn) this.readOnly.add(setting);
    else this.readOnly.delete(setting);
    if (!before && this.refusesWrites) this.onRefusesWrites();
  }

  private onRefusesWrites(): void {
    if (!this.isOpen) return;
    this.doubtAddress();
    this.notifyReadOnly();
  }
}

/**
 * Connects to one address of a server, and resolves once that connection has closed: it has the place of the one that is opened next.
 *
 * @throws ReadOnlyServerError, or the error of node-postgres
 */
async function askAddress(config: ConnectionConfig, signal: AbortSignal): Promise<void> {
  const { addresses: _all, slots: _none, ...single } = config;
  const { connectionTimeoutMillis: timeoutMs } = config;
  // A pooler whose server is down answers the login, and nothing more for minutes.
  const client = new ReadWriteClient({ ...single, ...(timeoutMs !== undefined && { query_timeout: timeoutMs }) });
  client.on('error', () => undefined); // the attempt rejects with the same error
  const closed = new Promise((resolve) => client.once('end', resolve));
  const abandon = (): void => client.abandon();
  signal.addEventListener('abort', abandon);
  try {
    await client.connect();
    void client.end();
    await endsWithin(closed, CLOSE_GRACE_MS);
  } finally {
    signal.removeEventListener('abort', abandon);
    client.abandon();
  }
}

/** Settles like `work`, or rejects with the signal's reason; after an abort it does not begin. */
async function unlessAborted<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort);
  });
  try {
    signal.throwIfAborted();
    return await Promise.race([work(), aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * The configuration for a client that does not look for the address that accepts writes itself.
 *
 * @throws ReadOnlyServerError, or the error of connecting, when no address accepts writes
 */
export async function atPrimary(config: ConnectionConfig): Promise<ConnectionConfig> {
  const { addresses, ...single } = config;
  if (!addresses) return config;
  const scout: Scout = (address, signal) => askAddress({ ...single, ...address }, signal);
  return { ...single, ...(await ServerAddresses.of(addresses).find(scout, loginOf(single))) };
}

/** Without its password: a client may be logged. */
function loginOf({ user, database, options }: ConnectionConfig): string {
  return JSON.stringify([user, database, options]);
}

/** Whether the stamps of the client's statements must reach workers of Citus. */
export function hasCitus(client: pg.ClientBase): boolean {
  return client instanceof ReadWriteClient && client.hasCitus;
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
