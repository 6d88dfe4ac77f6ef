import pg from 'pg';
import { type PreparedStatements, type NamedStatement, ResultColumns } from './prepared-statements.js';
import { type Stamp, stampStatement } from './stamp.js';
import type { Statement } from './statement.js';
import type { StatementPlan, StatementRecord, StatementSpeed } from './statement-records.js';
import {
  type CommandComplete,
  type DataRow,
  type RowDescription,
  PgResult,
  protocol,
  type ClientInternals,
  type ResultInternals,
} from '../connection/pg-internals.js';

/** Errors raised before the statement runs, with their routine: the name is unknown, already taken, or its plan is outdated. */
const NAME_ERRORS: ReadonlyMap<string | undefined, string> = new Map([
  ['26000', 'FetchPreparedStatement'],
  ['42P05', 'StorePreparedStatement'],
  ['0A000', 'RevalidateCachedQuery'],
]);
const CANCELED = '57014';
/** Only failures that we caused ourselves are retried; a query that still fails after these has another problem. */
const MAX_RETRIES = 3;

export type OnComplete = (error: unknown, result?: pg.QueryResult) => void;

/** Passed to `OnComplete` once, before the end, when a slow query is in front of this one on a shared connection. */
export const STALLED = Symbol('stalled');

/** What precedes a statement in its round trip. */
export interface Prelude {
  readonly stamp?: Stamp | undefined;
  /** The command that begins a transaction, before its stamp; never a caller's text. */
  readonly begin?: string | undefined;
}

/**
 * One statement and its stamp in one round trip: `Parse/Bind/Execute(stamp) Parse/Bind/Describe/Execute(statement) Sync`,
 * without `Parse` for statements that are prepared on the connection, and without `Describe` where the columns are known.
 * The first statement of a transaction brings its `BEGIN` along, in front of the stamp.
 *
 * PostgreSQL runs everything before `Sync` as one implicit transaction
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING): the transaction-local stamp
 * holds for this statement only, and when the stamp fails the statement is skipped.
 *
 * Without a stamp it is a statement of a transaction that was stamped when it began. Such a statement is never sent by
 * name, because a name that the server has lost would fail the whole transaction.
 */
export class PipelinedQuery {
  /** Whether the statement itself has run to its end; from then on it may have been committed. */
  hasExecuted = false;
  /** The first error, reported once the server is ready for the next query. */
  failure: unknown;
  /** The caller no longer waits for the result. */
  isAbandoned = false;
  /** A cancel request was sent for it. */
  isCanceled = false;
  /** Its messages could not be built, so nothing was sent. */
  isUnsendable = false;
  /** When it was sent, in ms. */
  sentAt = 0;
  /** Commands of the prelude that have not completed. */
  private preludeLeft = 0;
  private result: ResultInternals | undefined;
  private names: PreparedStatements | undefined;
  private plan: StatementPlan | undefined;
  private named: NamedStatement | undefined;
  private namedStamp: NamedStatement | undefined;
  private retries = 0;
  private isStalled = false;

  constructor(
    private readonly prelude: Prelude,
    readonly statement: Statement,
    readonly record: StatementRecord | undefined,
    /**
     * Called at the end: when the response is complete and the server is ready for the next query, or when none will come.
     * Called once before that, with `STALLED`, if a slow query is in front of this one.
     */
    private readonly onComplete: OnComplete,
    /** How long the statement takes where it runs; undefined when that is not recorded. */
    private readonly speed?: StatementSpeed | undefined,
  ) {
    this.resetPrelude();
  }

  get stamp(): Stamp | undefined {
    return this.prelude.stamp;
  }

  private get isPreludeDone(): boolean {
    return this.preludeLeft === 0;
  }

  /**
   * Builds the messages to send.
   *
   * @param names the connection's prepared statements; undefined sends without names
   * @param shared whether other tenants use the connection, too
   * @throws whatever serialising the parameter values throws
   */
  messages(client: ClientInternals, names: PreparedStatements | undefined, shared: boolean): Buffer[] {
    const { stamp } = this;
    const { rowMode, types } = this.statement;
    this.result = new PgResult(rowMode, types);
    this.result._types ??= client._types;
    if (!stamp) return this.statementByText();
    if (!names || this.retries > 0) return [...this.preludeByText(stamp), ...this.statementByText()];
    this.names = names;
    this.plan = rowMode === undefined && types === undefined ? this.record?.plan(stamp.searchPath) : undefined;
    this.named = this.plan?.isWorthNaming(shared) ? names.find(this.plan) : undefined;
    const statement = this.named ? this.statementByName(this.named) : this.statementByText();
    return [...closeMessages(names.evictOldest()), ...this.stampByName(stamp, names.stamp), ...statement];
  }

  private preludeByText(stamp: Stamp): Buffer[] {
    const { begin } = this.prelude;
    const { text, values } = stampStatement(stamp);
    return [...(begin === undefined ? [] : commandMessages(begin)), ...commandMessages(text, values)];
  }

  private statementByText(): Buffer[] {
    const { text, values = [] } = this.statement;
    return [protocol.parse(text), protocol.bind(values), protocol.describe, protocol.execute, protocol.sync];
  }

  private statementByName(named: NamedStatement): Buffer[] {
    const { text, values = [] } = this.statement;
    const bind = protocol.bind(values, named.name);
    const prepare = prepareMessages(named, text);
    if (!named.columns) return [...prepare, bind, protocol.describe, protocol.execute, protocol.sync];
    if (this.result) named.columns.applyTo(this.result);
    return [bind, protocol.execute, protocol.sync];
  }

  private stampByName(stamp: Stamp, named: NamedStatement): Buffer[] {
    this.namedStamp = named;
    return [...prepareMessages(named, stampStatement(stamp).text), bindStamp(stamp, named.name)];
  }

  handleRowDescription({ fields }: RowDescription): void {
    if (this.isPreludeDone) this.result?.addFields(fields);
  }

  handleDataRow({ fields }: DataRow): void {
    if (!this.isPreludeDone || !this.result || this.failure !== undefined) return;
    try {
      this.result.rows.push(this.result.parseRow(fields));
    } catch (error) {
      this.failure = error; // thrown by the caller's type parser; the server keeps sending
    }
  }

  handleCommandComplete(message: CommandComplete): void {
    if (!this.isPreludeDone) {
      this.preludeLeft -= 1;
      return;
    }
    this.hasExecuted = true;
    this.result?.addCommandComplete(message);
  }

  handleEmptyQuery(): void {
    this.hasExecuted = true;
  }

  /**
   * Resets the query for another attempt if it failed over a prepared statement's name, or by a cancel request that was
   * meant for another query. In both cases it had no effect.
   *
   * @param mayBeCanceled whether a cancel request for another query may have hit this one
   * @returns whether to send it again
   */
  resetForRetry(mayBeCanceled: boolean): boolean {
    const { failure } = this;
    if (this.stamp === undefined || this.prelude.begin !== undefined) return false; // its transaction has failed with it
    if (this.retries >= MAX_RETRIES || this.isAbandoned || this.hasExecuted || !(failure instanceof pg.DatabaseError))
      return false;
    const isAboutNames = this.names !== undefined && NAME_ERRORS.get(failure.code) === failure.routine;
    if (!isAboutNames && !(mayBeCanceled && failure.code === CANCELED)) return false;
    if (isAboutNames) this.invalidateNames();
    else this.invalidateUnfinishedNames();
    this.retries += 1;
    this.resetPrelude();
    this.failure = undefined;
    return true;
  }

  /**
   * The response is complete.
   *
   * @param ms how long the server took, without the network
   * @param isCold whether the connection was so new that the server's caches were still cold
   */
  complete(ms: number, isCold: boolean): void {
    if (this.failure === undefined) {
      this.speed?.record(ms, isCold);
      if (this.stamp) this.plan?.recordExecution(this.stamp.tenantId);
      if (this.named && !this.named.columns && this.result) this.named.columns = new ResultColumns(this.result);
    } else this.invalidateUnfinishedNames();
    if (this.failure === undefined) this.onComplete(undefined, this.result);
    else this.onComplete(this.failure);
  }

  /** It holds up the queries behind it. */
  markSlow(): void {
    this.speed?.markSlow();
  }

  /** A slow query is in front of it. */
  stall(): void {
    if (this.isStalled || this.isAbandoned) return;
    this.isStalled = true;
    this.onComplete(STALLED);
  }

  /** Frees the rows that have arrived, and drops those that are still to come. */
  refuse(error: unknown): void {
    this.failure ??= error;
    this.result = undefined;
  }

  /** No response will come. */
  fail(error: unknown): void {
    this.onComplete(this.failure ?? error);
  }

  /** How far the server got in preparing them is unknown. */
  private invalidateUnfinishedNames(): void {
    if (this.namedStamp && !this.isPreludeDone) this.names?.invalidate(this.namedStamp);
    if (this.named && !this.named.columns) this.names?.invalidate(this.named, this.plan);
  }

  private resetPrelude(): void {
    const { begin, stamp } = this.prelude;
    this.preludeLeft = (begin === undefined ? 0 : 1) + (stamp === undefined ? 0 : 1);
  }

  private invalidateNames(): void {
    if (this.namedStamp) this.names?.invalidate(this.namedStamp);
    if (this.named) this.names?.invalidate(this.named, this.plan);
  }
}

function commandMessages(text: string, values: readonly string[] = []): Buffer[] {
  return [protocol.parse(text), protocol.bind(values), protocol.execute];
}

function prepareMessages(named: NamedStatement, text: string): Buffer[] {
  if (named.isPrepared) return [];
  named.isPrepared = true;
  return [...closeMessages(named.mustClose ? named.name : undefined), protocol.parse(text, named.name)];
}

function closeMessages(name: string | undefined): Buffer[] {
  return name === undefined ? [] : [protocol.close(name)];
}

// Kept as strings of one byte per character: a small buffer would keep the 8 KB slab alive that Node allocates it from.
const boundStamps = new WeakMap<Stamp, string>();

function bindStamp(stamp: Stamp, name: string): Buffer {
  const known = boundStamps.get(stamp);
  if (known !== undefined) return Buffer.from(known, 'latin1');
  const bound = Buffer.concat([protocol.bind(stampStatement(stamp).values, name), protocol.execute]);
  boundStamps.set(stamp, bound.toString('latin1'));
  return bound;
}
