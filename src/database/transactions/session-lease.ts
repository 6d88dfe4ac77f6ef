import { EventEmitter } from 'node:events';
import pg from 'pg';
import type { StampKey } from '../isolation/stamp-key.js';
import type { PooledConnection } from '../pool/connection-pool.js';
import { hasCitus } from '../connection/read-write-client.js';
import { discardReason } from '../connection/connection-failure.js';
import { bindToCaller } from '../../platform/context.js';
import { ListeningWatch } from './listening-watch.js';
import { withPosition } from '../statements/positions/with-position.js';
import { pipelineOf } from '../statements/query-pipeline.js';
import { HeldConnection } from './held-connection.js';
import { emptyResult, type Statement } from '../statements/statement.js';
import { PROPAGATE } from '../statements/stamps/stamp-commands.js';
import { classifyStatement, type StatementKind } from '../sql-guard/classify-statement.js';
import { ConnectionLostError, codedLoss, toCodedError } from '../statements/statement-failure.js';
import { SessionEndedError } from './transaction.errors.js';
import { isGateClosed, SessionRefusedError } from '../gates/closed-gate.js';
import { CHECK_GATE, HOLD_GATE } from '../gates/gate-objects.js';
import { signedWith, type Stamp, stampStatement } from '../statements/stamps/stamp.js';
import { assertMayAdd, type Growth } from '../sql-guard/growth.js';
import { assertOwnCall } from '../statements/wrong-tenant.js';
import type { TenantAccess } from '../statements/tenant-access.js';
import { createHash } from 'node:crypto';

/** Limits of one session. */
export interface SessionOptions {
  /** Exempts the session from `DB_LEASE_TIMEOUT` and `DB_LEASE_IDLE_TIMEOUT`, for work that listens all the time. */
  readonly isUnlimited?: boolean;
}

interface SessionSettings extends SessionOptions {
  /** The key of the tenant's stamps, which may be replaced while the session lasts; undefined while it is not known. */
  readonly currentKey?: (() => StampKey | undefined) | undefined;
}

interface SessionEvents {
  /** `channel` is the name that was given to `listen`. */
  notification: [SessionNotification];
  /**
   * The connection died or was revoked, or its server refuses writes now; no further notifications will arrive, and
   * statements are rejected with the same error. Emitted once.
   */
  lost: [Error];
}

/**
 * A connection held for work that needs a session of its own: `SET`, notifications, locks, temporary tables, or state that
 * spans several transactions. Names of channels and locks belong to the tenant. Emits `notification` for the channels it
 * listens on, and `lost`.
 */
export class SessionLease extends EventEmitter<SessionEvents> {
  /** Set once the connection is lost. */
  private loss: Error | undefined;
  /** Set while an unlimited session listens. */
  private watch: ListeningWatch | undefined;
  private ended = false;
  private readonly held: HeldConnection;
  private readonly tenantId: string;
  /** That of the session's settings on the server. */
  private stamp: Stamp;
  private readonly mayExplain: boolean;
  private readonly growth: Growth | undefined;
  private readonly isUnlimited: boolean;
  private readonly currentKey: () => StampKey | undefined;
  /** The callers' names of the channels that it listens on. */
  private readonly channels = new Map<string, string>();
  private readonly onNotification = (message: pg.Notification): void => {
    const channel = this.channels.get(message.channel);
    if (channel !== undefined) this.emit('notification', { ...message, channel });
  };
  private readonly onConnectionError = (error: Error): void => {
    this.held.markBroken(error.message);
    if (this.loss) return;
    this.loss = toCodedError(error) ?? new ConnectionLostError(error);
    this.emit('lost', this.loss);
  };

  private constructor(
    connection: PooledConnection,
    { stamp, mayExplain, growth }: TenantAccess,
    { isUnlimited = false, currentKey = () => undefined }: SessionSettings,
  ) {
    super();
    this.held = new HeldConnection(connection);
    this.isUnlimited = isUnlimited;
    this.currentKey = currentKey;
    this.stamp = stamp;
    this.tenantId = stamp.tenantId;
    this.mayExplain = mayExplain;
    this.growth = growth;
    connection.client.on('notification', this.onNotification);
    connection.client.on('error', this.onConnectionError);
  }

  /**
   * Opens a session under the tenant's stamp, runs `work` in it, and resets the connection afterwards.
   *
   * @internal
   */
  static async run<T>(
    access: TenantAccess,
    work: (session: SessionLease) => Promise<T>,
    settings: SessionSettings = {},
  ): Promise<T> {
    const connection = await access.acquireForLease(settings.isUnlimited);
    const session = bindToCaller(new SessionLease(connection, access, settings));
    try {
      await session.open(access.stamp);
      return await work(session);
    } finally {
      await session.end();
    }
  }

  /**
   * @throws SessionEndedError once the work that this session was opened for has returned
   * @throws WrongTenantError in a call for another tenant
   * @throws SessionStatementRefusedError, StampProtectedError for what a session may not do either
   */
  async query<Row extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<SessionResult<Row>> {
    if (this.ended) throw new SessionEndedError();
    if (typeof text !== 'string') throw new TypeError('a statement of a session is a string'); // as untyped code may pass it
    const { built, kind } = classifyStatement(text, { scope: 'session', mayExplain: this.mayExplain });
    assertMayAdd(this.growth, text);
    return this.enqueue<Row>(withPosition(built ?? { text, values: values && [...values] }), kind);
  }

  /** Receives the tenant's notifications on the channel, as the event `notification`. */
  async listen(channel: string): Promise<void> {
    const name = channelOf(this.tenantId, channel);
    this.channels.set(name, channel);
    await this.enqueue({ text: `LISTEN ${pg.escapeIdentifier(name)}` });
    if (this.isUnlimited && !this.ended) this.watch ??= new ListeningWatch(() => this.askWhenIdle());
  }

  /** Ends `listen`. */
  async unlisten(channel: string): Promise<void> {
    const name = channelOf(this.tenantId, channel);
    await this.enqueue({ text: `UNLISTEN ${pg.escapeIdentifier(name)}` });
    this.channels.delete(name);
  }

  /** Notifies the tenant's sessions that listen on the channel: at once, or when the open transaction commits. */
  async notify(channel: string, payload = ''): Promise<void> {
    await this.enqueue({ text: 'SELECT pg_notify($1, $2)', values: [channelOf(this.tenantId, channel), payload] });
  }

  /** Waits for the tenant's lock of this name. It is released by `unlock`, or when the session ends. */
  async lock(name: string): Promise<void> {
    await this.callWithLock('pg_advisory_lock', name);
  }

  /** @returns whether the lock was free, and is held now */
  tryLock(name: string): Promise<boolean> {
    return this.callWithLock('pg_try_advisory_lock', name);
  }

  /** @returns whether the lock was held; one that was taken several times is held as often */
  unlock(name: string): Promise<boolean> {
    return this.callWithLock('pg_advisory_unlock', name);
  }

  private async callWithLock(routine: string, name: string): Promise<boolean> {
    const text = `SELECT ${routine}($1::bigint) AS done`;
    const { rows } = await this.enqueue<{ done: boolean }>({ text, values: [lockKeyOf(this.tenantId, name)] });
    return rows[0]?.done === true;
  }

  /**
   * One that may last for long does not keep a move waiting: its writes are refused once the rows are elsewhere.
   *
   * @throws SessionRefusedError when the tenant's rows have moved
   */
  private async open(stamp: Stamp): Promise<void> {
    if (!hasCitus(this.held.client)) await this.enqueue(stampStatement(stamp, 'session'));
    if (stamp.gate === undefined || this.isUnlimited) return;
    try {
      await this.enqueue({ text: HOLD_GATE, values: [stamp.tenantId, stamp.gate] }); // with Citus its prelude asks the gate
      await this.enqueue({ text: CHECK_GATE, values: [stamp.gate] });
    } catch (error) {
      throw isGateClosed(error) ? new SessionRefusedError(error) : error;
    }
  }

  private async enqueue<Row extends object>(statement: Statement, kind?: StatementKind): Promise<SessionResult<Row>> {
    if (this.ended) throw new SessionEndedError();
    assertOwnCall(this.tenantId);
    return this.held.inTurn(() => this.send<Row>(statement, kind));
  }

  /** Its own statements notice a loss otherwise. A limited session is ended when it is idle, so it is not kept busy. */
  private askWhenIdle(): void {
    const { client, isIdle } = this.held;
    if (!isIdle || this.loss || client.getTransactionStatus() !== 'I') return;
    this.held
      .inTurn(() => ListeningWatch.assertPrimary(client))
      .catch((error: unknown) => {
        if (discardReason(error) !== undefined) this.onConnectionError(new ConnectionLostError(error));
      });
  }

  private async send<Row extends object>(asked: Statement, kind?: StatementKind): Promise<SessionResult<Row>> {
    const { revoked } = this.held.connection;
    if (revoked) throw revoked;
    if (this.loss) throw this.loss;
    try {
      await this.renewStamp();
      const statement = this.commits(kind) ? asked : { ...asked, onPosition: undefined };
      const sent = hasCitus(this.held.client)
        ? this.sendDistributed(statement, kind === 'begin')
        : this.held.send(statement, { stamp: this.stamp, isStamped: true });
      return (await sent) as SessionResult<Row>;
    } catch (error) {
      throw error === this.held.connection.revoked ? error : codedLoss(error);
    }
  }

  /**
   * Whether the statement takes effect when it ends, so that the log's position may be asked behind it. In a transaction that question
   * would be a query of the transaction, after which `SET TRANSACTION` fails and a snapshot is taken.
   */
  private commits(kind: StatementKind | undefined): boolean {
    return kind === 'commit' || (kind !== 'begin' && this.held.client.getTransactionStatus() === 'I');
  }

  /** Citus sends no setting of a session to its workers: each statement outside a transaction, and each transaction, has the stamp. */
  private async sendDistributed(statement: Statement, isBegin: boolean): Promise<pg.QueryResult> {
    const { held, stamp } = this;
    if (held.client.getTransactionStatus() !== 'I') return held.send(statement, { stamp, isStamped: true });
    if (!isBegin) return held.send(statement, { stamp });
    // Not a query: the caller may still set the transaction's modes.
    await held.send({ text: PROPAGATE }, { begin: statement.text, stamp });
    return emptyResult('BEGIN');
  }

  /** Between transactions only: a rollback would take the settings back. */
  private async renewStamp(): Promise<void> {
    const key = this.currentKey();
    if (key === undefined || this.held.client.getTransactionStatus() !== 'I') return;
    const stamp = signedWith(key, this.stamp);
    if (stamp.proof === this.stamp.proof) return;
    if (!hasCitus(this.held.client)) await this.held.send(stampStatement(stamp, 'session'));
    this.stamp = stamp;
  }

  /** Waits for statements that the work did not await, then releases the connection. */
  private async end(): Promise<void> {
    this.ended = true;
    this.watch?.stop();
    const { held } = this;
    await held.settled;
    if (!held.isBroken) await this.resetSession();
    held.client.removeListener('notification', this.onNotification);
    held.client.removeListener('error', this.onConnectionError);
    this.removeAllListeners();
    held.release();
  }

  /** A connection that cannot be reset is closed; the work's own result or error stands. */
  private async resetSession(): Promise<void> {
    const { held } = this;
    try {
      if (held.client.getTransactionStatus() !== 'I') await held.send({ text: 'ROLLBACK' });
      await held.send({ text: 'DISCARD ALL' });
      pipelineOf(held.client).forgetNames();
    } catch (error) {
      held.markBroken(error instanceof Error ? error.message : 'its session could not be reset');
    }
  }
}

/** PostgreSQL's limit for names, in bytes. */
const MAX_NAME_BYTES = 63;

/**
 * The channel that a tenant's name stands for. Channels belong to a database, which tenants share.
 *
 * @returns the tenant's id and the name, hashed where both are too long for PostgreSQL
 */
export function channelOf(tenantId: string, name: string): string {
  const channel = `${tenantId}:${name}`;
  if (Buffer.byteLength(channel) <= MAX_NAME_BYTES) return channel;
  return `${tenantId}#${digest(tenantId, name).toString('base64url').slice(0, 26)}`;
}

/** The key of an advisory lock, a signed 64-bit integer. Advisory locks belong to a database, which tenants share. */
export function lockKeyOf(tenantId: string, name: string): string {
  return digest(tenantId, name).readBigInt64BE().toString();
}

function digest(tenantId: string, name: string): Buffer {
  return createHash('sha256').update(`${tenantId}:${name}`).digest();
}

/** What a statement of a session returns: as in node-postgres, but in types of our own, since `@types/pg` is not a peer. */
export interface SessionResult<Row> {
  readonly command: string;
  readonly rowCount: number | null;
  readonly rows: Row[];
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}

/** A notification that a session received. */
interface SessionNotification {
  /** The name that was given to `listen`. */
  readonly channel: string;
  readonly payload?: string | undefined;
}
