import pg from 'pg';
import type { ConnectionStatements, NamedStatement } from './connection-statements.js';
import { Columns } from './connection-statements.js';
import { type Stamp, stampStatement } from './stamp.js';
import type { Statement } from './statement.js';
import type { StatementPlan, StatementRecord } from './statement-records.js';
import { type CommandComplete, type DataRow, type RowDescription, wire, type WireClient, WireResult } from './wire.js';

/** What the server says of a name before it begins with the statement: it has none, another one, or an old plan. */
const ABOUT_NAMES: ReadonlyMap<string | undefined, string> = new Map([
  ['26000', 'FetchPreparedStatement'],
  ['42P05', 'StorePreparedStatement'],
  ['0A000', 'RevalidateCachedQuery'],
]);
const CANCELED = '57014';
/** Each is one that we caused ourselves; what goes on failing after them has another reason. */
const MAX_REPEATS = 3;

export type OnComplete = (error: unknown, result?: pg.QueryResult) => void;

/**
 * One statement and its stamp in one flight: `Parse/Bind/Execute(stamp) Parse/Bind/Describe/Execute(statement) Sync`,
 * without `Parse` for what the connection knows by name, and without `Describe` where its columns are known.
 *
 * PostgreSQL runs everything before `Sync` as one implicit transaction
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING): the transaction-local stamp
 * holds for this statement only, and when the stamp fails the statement is skipped.
 *
 * Without a stamp it is a statement of a transaction that was stamped when it began: never by name, because the server
 * would tell what it does not know of a name by failing the transaction.
 */
export class PipelinedQuery {
  /** Whether the statement itself has been executed to its end: from then on it may have been committed. */
  completed = false;
  /** What is wrong with it, which is told when the server is ready for the next one. */
  failure: unknown;
  /** Nobody waits for its answer any more. */
  isAbandoned = false;
  /** The server was asked to stop it. */
  isCanceled = false;
  /** Nothing of it was sent, because it cannot be. */
  isUnsendable = false;
  private stamped: boolean;
  private result: WireResult | undefined;
  private names: ConnectionStatements | undefined;
  private plan: StatementPlan | undefined;
  private named: NamedStatement | undefined;
  private stampName: NamedStatement | undefined;
  private repeats = 0;

  constructor(
    readonly stamp: Stamp | undefined,
    readonly statement: Statement,
    readonly record: StatementRecord | undefined,
    /** Told once: when the answer is complete and the server is ready for the next one, or when none will come. */
    private readonly onComplete: OnComplete,
  ) {
    this.stamped = stamp === undefined;
  }

  /**
   * @param names of the connection, when it keeps any
   * @param shared whether others than this tenant send on that connection
   * @throws what making parameters of the values throws
   */
  messages(client: WireClient, names: ConnectionStatements | undefined, shared: boolean): Buffer[] {
    const { stamp } = this;
    const { rowMode, types } = this.statement;
    this.result = new WireResult(rowMode, types);
    this.result._types ??= client._types;
    if (!stamp) return this.statementByText();
    if (!names || this.repeats > 0) return this.unnamed(stamp);
    this.names = names;
    this.plan = rowMode === undefined && types === undefined ? this.record?.plan(stamp.searchPath) : undefined;
    this.named = this.plan?.isWorthKeeping(shared) ? names.find(this.plan) : undefined;
    const statement = this.named ? this.statementByName(this.named) : this.statementByText();
    return [...closing(names.takeSurplus()), ...this.stampByName(stamp, names.stamp), ...statement];
  }

  private unnamed(stamp: Stamp): Buffer[] {
    const { text, values } = stampStatement(stamp);
    return [wire.parse(text), wire.bind(values), wire.execute, ...this.statementByText()];
  }

  private statementByText(): Buffer[] {
    const { text, values = [] } = this.statement;
    return [wire.parse(text), wire.bind(values), wire.describe, wire.execute, wire.sync];
  }

  private statementByName(named: NamedStatement): Buffer[] {
    const { text, values = [] } = this.statement;
    const bind = wire.bind(values, named.name);
    const making = made(named, text);
    if (!named.columns) return [...making, bind, wire.describe, wire.execute, wire.sync];
    if (this.result) named.columns.applyTo(this.result);
    return [bind, wire.execute, wire.sync];
  }

  private stampByName(stamp: Stamp, name: NamedStatement): Buffer[] {
    this.stampName = name;
    return [...made(name, stampStatement(stamp).text), stampBound(stamp, name.name)];
  }

  handleRowDescription({ fields }: RowDescription): void {
    if (this.stamped) this.result?.addFields(fields);
  }

  handleDataRow({ fields }: DataRow): void {
    if (!this.stamped || !this.result || this.failure !== undefined) return;
    try {
      this.result.rows.push(this.result.parseRow(fields));
    } catch (error) {
      this.failure = error; // a parser of the caller's: the server goes on
    }
  }

  handleCommandComplete(message: CommandComplete): void {
    if (!this.stamped) {
      this.stamped = true;
      return;
    }
    this.completed = true;
    this.result?.addCommandComplete(message);
  }

  handleEmptyQuery(): void {
    this.completed = true;
  }

  /**
   * Whether it has to be sent once more, because it failed by what its connection knew or by a cancel that was meant for
   * another one. Both come instead of its effect.
   *
   * @param canceled whether somebody's cancel may have hit it
   */
  isToBeRepeated(canceled: boolean): boolean {
    const { failure } = this;
    if (this.stamp === undefined) return false; // its transaction has failed with it
    if (this.repeats >= MAX_REPEATS || this.isAbandoned || this.completed || !(failure instanceof pg.DatabaseError))
      return false;
    const isAboutNames = this.names !== undefined && ABOUT_NAMES.get(failure.code) === failure.routine;
    if (!isAboutNames && !(canceled && failure.code === CANCELED)) return false;
    if (isAboutNames) this.renewNames();
    else this.forgetNames();
    this.repeats += 1;
    this.stamped = false;
    this.failure = undefined;
    return true;
  }

  /**
   * Its answer is complete.
   *
   * @param ms how long the server took
   * @param isCold whether its connection was so new that the server had to learn of everything first
   */
  land(ms: number, isCold: boolean): void {
    if (this.failure === undefined) {
      this.record?.took(ms, isCold);
      if (this.stamp) this.plan?.executed(this.stamp.tenantId);
      if (this.named && !this.named.columns && this.result) this.named.columns = new Columns(this.result);
    } else this.forgetNames();
    if (this.failure === undefined) this.onComplete(undefined, this.result);
    else this.onComplete(this.failure);
  }

  /** Its answer will not come. */
  fail(error: unknown): void {
    this.onComplete(error);
  }

  /** Nobody knows how far the server came with making them. */
  private forgetNames(): void {
    if (this.stampName && !this.stamped) this.names?.renew(this.stampName);
    if (this.named && !this.named.columns) this.names?.renew(this.named, this.plan);
  }

  private renewNames(): void {
    if (this.stampName) this.names?.renew(this.stampName);
    if (this.named) this.names?.renew(this.named, this.plan);
  }
}

function made(named: NamedStatement, text: string): Buffer[] {
  if (named.isMade) return [];
  named.isMade = true;
  return [...closing(named.replaces ? named.name : undefined), wire.parse(text, named.name)];
}

function closing(name: string | undefined): Buffer[] {
  return name === undefined ? [] : [wire.close(name)];
}

// As text of one byte per character: a small buffer would hold on to the 8 KB that Node cuts several of them from.
const boundStamps = new WeakMap<Stamp, string>();

function stampBound(stamp: Stamp, name: string): Buffer {
  const known = boundStamps.get(stamp);
  if (known !== undefined) return Buffer.from(known, 'latin1');
  const bound = Buffer.concat([wire.bind(stampStatement(stamp).values, name), wire.execute]);
  boundStamps.set(stamp, bound.toString('latin1'));
  return bound;
}
