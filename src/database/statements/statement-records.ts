import { isRead } from './repeatable-read.js';

/** From this execution on a text counts as one that the application sends again and again. */
const OFTEN = 3;
/** A text whose executions take longer on average shares no connection. */
const QUICK_MS = 10;
/** How many executions the average looks back on, more or less. */
const WINDOW = 8;
/** Search paths for which a text is planned: with more of them each connection would plan for nearly every execution. */
const MAX_PLANS = 100;
const MAX_TEXTS = 1_000;
/** Longer ones are rarely sent twice. */
const LONGEST = 10_000;

let names = 0;

/** One text under one search path: what the server plans, and what a connection knows under one name. */
export class StatementPlan {
  readonly name = `tenantry_${(names += 1)}`;
  private executions = 0;

  constructor(private readonly record: StatementRecord) {}

  executed(tenantId: string): void {
    this.executions += 1;
    this.record.sentBy(tenantId);
  }

  /**
   * Whether it is worth a name. On connections that tenants share it must also be nobody's own: a text that two of them
   * sent carries no values of one.
   */
  isWorthKeeping(shared: boolean): boolean {
    return this.executions >= OFTEN && (this.record.isCommon || !shared);
  }
}

/** What is known of one text of a row statement (`isRowStatement`). */
export class StatementRecord {
  readonly isRead: boolean;
  private readonly plans = new Map<string, StatementPlan>();
  private executions = 0;
  private averageMs = 0;
  private firstTenant: string | undefined;
  private sentByTwo = false;

  constructor(text: string) {
    this.isRead = isRead({ text });
  }

  /** Whether others may wait behind it on one connection: it only reads, and has never yet held anybody up for long. */
  get isQuickRead(): boolean {
    return this.isRead && this.executions >= OFTEN && this.averageMs < QUICK_MS;
  }

  /** Whether two tenants have sent it, under whatever search path. */
  get isCommon(): boolean {
    return this.sentByTwo;
  }

  sentBy(tenantId: string): void {
    this.firstTenant ??= tenantId;
    this.sentByTwo ||= tenantId !== this.firstTenant;
  }

  plan(searchPath: string): StatementPlan {
    const known = this.plans.get(searchPath);
    if (known) return known;
    const plan = new StatementPlan(this);
    this.plans.set(searchPath, plan);
    if (this.plans.size > MAX_PLANS) deleteOldest(this.plans);
    return plan;
  }

  /**
   * @param ms how long the server took for it
   * @param isCold whether the server may have been slow because the connection was new
   */
  took(ms: number, isCold: boolean): void {
    if (isCold && ms >= QUICK_MS) return;
    this.executions += 1;
    this.averageMs += (ms - this.averageMs) / WINDOW;
  }
}

/** What this process has learned of the texts that it sends, for all its connections. */
export class StatementRecords {
  private readonly records = new Map<string, StatementRecord>();

  get(text: string): StatementRecord | undefined {
    return this.records.get(text);
  }

  /** Of a text that is known to be a row statement. */
  remember(text: string): StatementRecord | undefined {
    if (text.length > LONGEST) return undefined;
    const record = new StatementRecord(text);
    this.records.set(text, record);
    if (this.records.size > MAX_TEXTS) deleteOldest(this.records);
    return record;
  }
}

export const statementRecords = new StatementRecords();

function deleteOldest(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
