import pg from 'pg';
import {
  type ClientInternals,
  type CommandComplete,
  type DataRow,
  protocol,
  type RowDescription,
} from '../connection/pg-internals.js';
import type { FlightStatement } from './flight-statement.js';
import { type NamedStatement, prepareMessages, type PreparedStatements } from './prepared-statements.js';
import {
  flightStampStatement,
  type GatePassage,
  gatedStampStatement,
  gateStatement,
  replayedStatement,
  type Stamp,
} from './stamps/stamp.js';
import { stampCommands } from './stamps/stamp-commands.js';
import type { OnPosition } from './statement.js';
import { statementRecords } from './statement-records.js';
import { POSITION_SQL } from './positions/wal-position.js';

const UNKNOWN_NAME = '26000';
const CHANGED_COLUMNS = '0A000';
/** Errors raised before the statement runs, with their routine: the name is unknown, already taken, or its plan is outdated. */
const NAME_ERRORS: ReadonlyMap<string | undefined, string> = new Map([
  [UNKNOWN_NAME, 'FetchPreparedStatement'],
  ['42P05', 'StorePreparedStatement'],
  [CHANGED_COLUMNS, 'RevalidateCachedQuery'],
]);
const CANCELED = '57014';
/** Only failures that we caused ourselves are retried; a flight that still fails after these has another problem. */
const MAX_RETRIES = 3;

/** @param error undefined after a success; the results are with the flight's statements */
export type OnComplete = (error: unknown) => void;

/** Passed to `OnComplete` once, before the end, when a slow statement is in front of this flight, which may be sent again. */
export const STALLED = Symbol('stalled');

/** What precedes the statements of a flight. */
export interface Prelude {
  readonly stamp?: Stamp | undefined;
  /** The command that begins a transaction, before its stamp; never a caller's text. */
  readonly begin?: string | undefined;
  /** The flight is part of a transaction that was stamped when it began: the stamp is not sent again. */
  readonly isStamped?: boolean;
}

/**
 * Statements and their stamp in one round trip: `Parse/Bind/Execute(stamp)`, `Parse/Bind/Describe/Execute` of each
 * statement, `Sync`; without `Parse` for statements that are prepared on the connection, and without `Describe` where the
 * columns are known. The first flight of a transaction brings its `BEGIN` along, in front of the stamp.
 *
 * PostgreSQL runs everything before `Sync` as one implicit transaction
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING): the transaction-local stamp
 * holds for these statements only, and once something fails the rest is skipped.
 *
 * Where the position of the log is asked for, that follows behind the `Sync`, up to a `Sync` of its own: by then the
 * statements are committed.
 *
 * In a database with Citus, only `SET LOCAL` in a transaction that was begun reaches the workers. The flight is then `BEGIN`, the
 * stamp as commands, the statements, `Sync`, `COMMIT`, `Sync`, still in one write, and is over with the answer to the second one.
 */
export class Flight {
  /** The first error, reported once the server is ready for the next flight. */
  failure: unknown;
  /** The caller no longer waits for the result: `abandon`. */
  isAbandoned = false;
  /** A cancel request was sent for it. */
  isCanceled = false;
  /** Its messages could not be built, so nothing was sent. */
  isUnsendable = false;
  /** It may be sent again elsewhere while a slow one is in front of it. */
  isResendable = false;
  /** When it was sent, in ms; 0 before. */
  sentAt = 0;
  /** Commands of the prelude that have not completed. */
  private preludeLeft = 0;
  /** The index of the statement that the server is working on. */
  private position = 0;
  private names: PreparedStatements | undefined;
  private namedStamp: NamedStatement | undefined;
  private namedPosition: NamedStatement | undefined;
  private retries = 0;
  private isStalled = false;
  private readonly onPosition: OnPosition | undefined;
  /** Whether the server is done with the statements, and the position is still to come. */
  private isPositionAhead = false;
  private logPosition: string | undefined;
  /** What the server is to answer before the flight is over, where it brings a transaction of its own along. */
  private transaction: 'none' | 'open' | 'ending' = 'none';

  /**
   * @param onComplete called at the end: when the response is complete and the server is ready for the next flight, or when
   *   none will come. Called once before that, with `STALLED`, if a slow statement is in front of this one.
   */
  constructor(
    private readonly prelude: Prelude,
    readonly statements: readonly FlightStatement[],
    private readonly onComplete: OnComplete,
  ) {
    this.onPosition = statements.find(({ statement }) => statement.onPosition)?.statement.onPosition;
  }

  get stamp(): Stamp | undefined {
    return this.prelude.stamp;
  }

  /** How many of its statements the server has run to their end. */
  get executedCount(): number {
    return this.position;
  }

  /** Whether all statements have run to their end; from then on they may have been committed. */
  get hasExecuted(): boolean {
    return this.position === this.statements.length;
  }

  /** Whether the server is working on a command of the prelude, none of which is a caller's. */
  get isInPrelude(): boolean {
    return this.preludeLeft > 0;
  }

  /**
   * Builds the messages to send.
   *
   * @param names the connection's prepared statements; undefined sends without names
   * @param shared whether other tenants use the connection, too
   * @param isDistributed whether the database has Citus
   * @throws whatever serialising the parameter values throws
   */
  messages(
    client: ClientInternals,
    names: PreparedStatements | undefined,
    shared: boolean,
    isDistributed = false,
  ): Buffer[] {
    const { statements } = this;
    const { stamp, begin, isStamped } = this.prelude;
    this.names = this.retries === 0 && stamp && !isDistributed ? names : undefined;
    this.transaction = isDistributed && stamp && !isStamped && begin === undefined ? 'open' : 'none';
    this.position = 0;
    this.isPositionAhead = false;
    this.logPosition = undefined;
    // First, because what is behind an error is skipped: the server would keep names that are forgotten here.
    const messages = this.names?.evictOldest().map((name) => protocol.close(name)) ?? [];
    messages.push(...this.preludeMessages(isDistributed));
    for (const statement of statements) {
      statement.expect(client);
      const names = isStamped && !statement.hasFixedColumns ? undefined : this.names;
      const byName = names && stamp && statement.messages(names, stamp.searchPath, shared);
      messages.push(...(byName ?? statement.messagesByText()));
    }
    messages.push(protocol.sync);
    if (this.transaction === 'open') messages.push(...commandMessages('COMMIT'), protocol.sync);
    if (this.onPosition) messages.push(...this.positionMessages(), protocol.sync);
    return messages;
  }

  handleRowDescription(message: RowDescription): void {
    if (this.preludeLeft === 0) this.statements[this.position]?.addFields(message);
  }

  handleDataRow(message: DataRow): void {
    if (this.isPositionAhead) this.logPosition = message.fields[0] ?? undefined;
    else if (this.preludeLeft === 0 && this.failure === undefined) this.statements[this.position]?.addRow(message);
  }

  handleCommandComplete(message: CommandComplete): void {
    if (this.isPositionAhead) return;
    if (this.preludeLeft > 0) {
      this.preludeLeft -= 1;
      return;
    }
    if (this.transaction === 'ending') return;
    this.statements[this.position]?.addCommandComplete(message);
    this.position += 1;
  }

  /** The server is ready for what is behind a `Sync`. @returns whether that is the flight's own `COMMIT` */
  handleSynced(): boolean {
    if (this.transaction !== 'open') return false;
    this.transaction = 'ending';
    this.preludeLeft = 0; // after an error the rest of it was skipped
    return true;
  }

  handleEmptyQuery(): void {
    this.position += 1;
  }

  /** The server has rejected something. Where that is the asking for the position, the statements are committed all the same. */
  handleError(error: unknown): void {
    if (!this.isPositionAhead) this.failure ??= error;
    else if (this.namedPosition) this.names?.invalidate(this.namedPosition);
  }

  /** The server is ready. @returns whether it has yet to answer with the position */
  awaitsPosition(): boolean {
    if (!this.onPosition || this.isPositionAhead) return false;
    return (this.isPositionAhead = true);
  }

  /**
   * Resets the flight for another attempt if it failed over a prepared statement's name, or by a cancel request that was
   * meant for another one. In both cases it had no effect.
   *
   * @param mayBeCanceled whether a cancel request for another flight may have hit this one
   * @returns whether to send it again
   */
  resetForRetry(mayBeCanceled: boolean): boolean {
    const { failure, prelude } = this;
    if (prelude.stamp === undefined || prelude.isStamped) return false; // its transaction has failed with it
    if (this.retries >= MAX_RETRIES || this.isAbandoned || this.hasExecuted || !(failure instanceof pg.DatabaseError))
      return false;
    const isCanceledForAnother = mayBeCanceled && failure.code === CANCELED && prelude.begin === undefined;
    if (!this.isAboutNames(failure) && !isCanceledForAnother) return false;
    this.invalidateNames(failure);
    this.retries += 1;
    this.failure = undefined;
    this.sentAt = 0;
    return true;
  }

  /**
   * The response is complete.
   *
   * @param ms how long the server took, without the network
   * @param isCold whether the connection was so new that the server's caches were still cold
   */
  complete(ms: number, isCold: boolean): void {
    const { statements, failure } = this;
    if (failure !== undefined) {
      this.invalidateNames(failure);
      return this.onComplete(failure);
    }
    const [first] = statements;
    if (statements.length === 1) first?.recordSpeed(ms, isCold);
    for (const statement of statements) statement.recordExecution(this.stamp?.tenantId);
    this.succeed();
  }

  private succeed(): void {
    this.onPosition?.(this.logPosition, this.stamp?.serverId);
    this.onComplete(this.statements.find((statement) => statement.failure !== undefined)?.failure);
  }

  /** It holds up those behind it. */
  markSlow(): void {
    this.statements[this.position]?.markSlow();
  }

  /** A slow statement is in front of it. */
  stall(): void {
    if (!this.isResendable || this.isStalled || this.isAbandoned) return;
    this.isStalled = true;
    this.onComplete(STALLED);
  }

  /** Frees the rows that have arrived, and drops those that are still to come. */
  refuse(error: unknown): void {
    this.failure ??= error;
    for (const statement of this.statements) statement.dropResult();
  }

  /** No response will come. */
  fail(error: unknown): void {
    const { failure } = this;
    if (this.isPositionAhead && failure === undefined) return this.succeed();
    if (!(failure instanceof pg.DatabaseError)) this.noteUnknownPosition();
    this.onComplete(failure ?? error);
  }

  /** The caller no longer waits for it. */
  abandon(): void {
    this.isAbandoned = true;
    this.noteUnknownPosition();
  }

  /** What it writes may have been committed, or be so later: its call reads from the primary until it ends. */
  private noteUnknownPosition(): void {
    if (this.sentAt > 0) this.onPosition?.(undefined, this.stamp?.serverId);
  }

  private preludeMessages(isDistributed: boolean): Buffer[] {
    const { stamp, begin, isStamped } = this.prelude;
    const messages: Buffer[] = [];
    this.preludeLeft = 0;
    if (isDistributed && stamp && !isStamped) return this.preludeAsCommands(stamp);
    if (begin !== undefined) {
      if (this.retries > 0) this.addCommand(messages, 'ROLLBACK');
      this.addCommand(messages, begin);
    }
    if (!stamp || isStamped) return messages;
    this.preludeLeft += 1;
    if (stamp.gate !== undefined)
      messages.push(...gatedStamp(stamp, begin === undefined ? 'check_gate' : 'enter_gate'));
    else if (this.names && stamp.replayed === undefined)
      messages.push(...this.stampByName(stamp, this.names.stampOf(stamp)));
    else messages.push(...stampByText(stamp));
    return messages;
  }

  private preludeAsCommands(stamp: Stamp): Buffer[] {
    const { begin } = this.prelude;
    const messages: Buffer[] = [];
    for (const text of [begin ?? 'BEGIN', ...stampCommands(stamp)]) this.addCommand(messages, text);
    const questions = [
      ...(stamp.replayed === undefined ? [] : [replayedStatement(stamp.replayed)]),
      ...(stamp.gate === undefined
        ? []
        : [gateStatement(stamp.gate, begin === undefined ? 'check_gate' : 'enter_gate')]),
    ];
    for (const { text, values } of questions) this.addCommand(messages, text, values);
    return messages;
  }

  private positionMessages(): Buffer[] {
    const named = (this.namedPosition = this.names?.position);
    if (!named) return commandMessages(POSITION_SQL);
    return [...prepareMessages(named, POSITION_SQL), protocol.bind([], named.name), protocol.execute];
  }

  private addCommand(messages: Buffer[], text: string, values?: readonly string[]): void {
    this.preludeLeft += 1;
    messages.push(...commandMessages(text, values));
  }

  private stampByName(stamp: Stamp, named: NamedStatement): Buffer[] {
    this.namedStamp = named;
    return [...prepareMessages(named, flightStampStatement(stamp).text), bindStamp(stamp, named.name)];
  }

  private isAboutNames({ code, routine }: pg.DatabaseError): boolean {
    return this.names !== undefined && NAME_ERRORS.get(code) === routine;
  }

  private invalidateNames(failure: unknown): void {
    if (failure instanceof pg.DatabaseError && this.isAboutNames(failure)) this.invalidateWrongNames(failure);
    if (this.namedStamp && this.preludeLeft > 0) this.names?.invalidate(this.namedStamp);
    for (const statement of this.statements) statement.invalidateUnfinishedName(this.names);
  }

  /** What is wrong with one name may be wrong with others, which could fail a transaction. */
  private invalidateWrongNames({ code }: pg.DatabaseError): void {
    if (code === UNKNOWN_NAME) this.names?.invalidateAll();
    if (code === CHANGED_COLUMNS && this.stamp) statementRecords.markMigrated(this.stamp.searchPath);
    if (this.namedStamp) this.names?.invalidate(this.namedStamp);
    for (const statement of this.statements) statement.invalidateName(this.names);
  }
}

function stampByText(stamp: Stamp): Buffer[] {
  const { text, values } = flightStampStatement(stamp);
  return commandMessages(text, values);
}

function gatedStamp(stamp: Stamp, passage: GatePassage): Buffer[] {
  const { text, values } = gatedStampStatement(stamp, passage);
  return commandMessages(text, values);
}

function commandMessages(text: string, values: readonly string[] = []): Buffer[] {
  return [protocol.parse(text), protocol.bind(values), protocol.execute];
}

// Kept as strings of one byte per character: a small buffer would keep the 8 KB slab alive that Node allocates it from.
const boundStamps = new WeakMap<Stamp, string>();

function bindStamp(stamp: Stamp, name: string): Buffer {
  const known = boundStamps.get(stamp);
  if (known !== undefined) return Buffer.from(known, 'latin1');
  const bound = Buffer.concat([protocol.bind(flightStampStatement(stamp).values, name), protocol.execute]);
  boundStamps.set(stamp, bound.toString('latin1'));
  return bound;
}
