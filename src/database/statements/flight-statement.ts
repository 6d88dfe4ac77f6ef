import type pg from 'pg';
import {
  type ClientInternals,
  type CommandComplete,
  type DataRow,
  PgResult,
  protocol,
  type ResultInternals,
  type RowDescription,
} from '../connection/pg-internals.js';
import { type NamedStatement, prepareMessages, type PreparedStatements, ResultColumns } from './prepared-statements.js';
import type { Statement } from './statement.js';
import type { StatementPlan, StatementRecord, StatementSpeed } from './statement-records.js';

/** One statement of a flight: the messages that send it, and its result. */
export class FlightStatement {
  /** The error of the caller's type parser; the server knows nothing of it. */
  failure: unknown;
  private received: ResultInternals | undefined;
  private plan: StatementPlan | undefined;
  private named: NamedStatement | undefined;

  /** @param speed how long it takes where it runs; undefined when that is not recorded */
  constructor(
    readonly statement: Statement,
    readonly record?: StatementRecord | undefined,
    private readonly speed?: StatementSpeed | undefined,
  ) {}

  /** Undefined once it was dropped. */
  get result(): pg.QueryResult | undefined {
    return this.received;
  }

  /** Whether it may be sent by name where a failure over the name could not be mended. */
  get hasFixedColumns(): boolean {
    return this.record?.hasFixedColumns ?? false;
  }

  /** Prepares for the reply to a new sending. */
  expect(client: ClientInternals): void {
    const { rowMode, types } = this.statement;
    this.received = new PgResult(rowMode, types);
    this.received._types ??= client._types;
    this.failure = undefined;
    this.plan = undefined;
    this.named = undefined;
  }

  /** @throws whatever serialising the parameter values throws */
  messagesByText(): Buffer[] {
    const { text, values = [] } = this.statement;
    return [protocol.parse(text), protocol.bind(values), protocol.describe, protocol.execute];
  }

  /**
   * Sends it by name where that is worth it, and its columns are not asked for where they are known.
   *
   * @param planScope what its plan depends on besides its text
   * @param shared whether other tenants use the connection, too
   * @throws whatever serialising the parameter values throws
   */
  messages(names: PreparedStatements, planScope: string, shared: boolean): Buffer[] {
    const { rowMode, types, text, values = [] } = this.statement;
    this.plan = rowMode === undefined && types === undefined ? this.record?.plan(planScope) : undefined;
    this.named = this.plan?.isWorthNaming(shared) ? names.find(this.plan) : undefined;
    const { named } = this;
    if (!named) return this.messagesByText();
    const bind = protocol.bind(values, named.name);
    const prepare = prepareMessages(named, text);
    if (!named.columns) return [...prepare, bind, protocol.describe, protocol.execute];
    if (this.received) named.columns.applyTo(this.received);
    return [bind, protocol.execute];
  }

  addFields({ fields }: RowDescription): void {
    this.received?.addFields(fields);
  }

  addRow({ fields }: DataRow): void {
    if (!this.received || this.failure !== undefined) return;
    try {
      this.received.rows.push(this.received.parseRow(fields));
    } catch (error) {
      this.failure = error; // the server keeps sending
    }
  }

  addCommandComplete(message: CommandComplete): void {
    this.received?.addCommandComplete(message);
  }

  /** Frees the rows that have arrived, and drops those that are still to come. */
  dropResult(): void {
    this.received = undefined;
  }

  /** Its flight has succeeded. @param tenantId whose stamp it ran under */
  recordExecution(tenantId: string | undefined): void {
    if (tenantId !== undefined) this.plan?.recordExecution(tenantId);
    if (this.named && !this.named.columns && this.received) this.named.columns = new ResultColumns(this.received);
  }

  recordSpeed(ms: number, isCold: boolean): void {
    this.speed?.record(ms, isCold);
  }

  /** It holds up what is behind it. */
  markSlow(): void {
    this.speed?.markSlow();
  }

  /** Its name is not to be used as it is any more: the server does not have it, or may not have it. */
  invalidateName(names: PreparedStatements | undefined): void {
    if (this.named) names?.invalidate(this.named, this.plan);
  }

  /** The same, when it was being prepared in a flight that failed: how far the server got is unknown. */
  invalidateUnfinishedName(names: PreparedStatements | undefined): void {
    if (this.named && !this.named.columns) this.invalidateName(names);
  }
}
