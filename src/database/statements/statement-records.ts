import { isRead, isRepeatable } from '../sql-guard/row-statements.js';

/** Search paths per statement: with more of them, a connection would prepare it again for nearly every execution. */
const MAX_PLANS = 100;
/** Places per statement whose speed is known. */
const MAX_PLACES = 1_000;
const MAX_RECORDS = 1_000;
/** Characters. Longer statements are rarely sent twice. */
const MAX_TEXT_LENGTH = 10_000;

let planCount = 0;

/** One statement under one search path: the unit that the server plans and that a connection prepares under one name. */
export class StatementPlan {
  readonly name = `tenantry_${(planCount += 1)}`;
  private executions = 0;
  private migrations = 0;

  constructor(private readonly record: StatementRecord) {}

  /** Migrations of its tables that were noticed: what was prepared before the last one is outdated. */
  get version(): number {
    return this.migrations;
  }

  markMigrated(): void {
    this.migrations += 1;
  }

  recordExecution(tenantId: string): void {
    this.executions += 1;
    this.record.recordTenant(tenantId);
  }

  /**
   * Whether it is worth preparing. On a connection that tenants share it must also have been sent by two of them: such a
   * text contains no tenant's own values.
   */
  isWorthNaming(shared: boolean): boolean {
    return this.executions >= MIN_EXECUTIONS && (this.record.isSharedByTenants || !shared);
  }
}

/** Execution history of one row statement (kind `rows`), identified by its text. */
export class StatementRecord {
  readonly isRead: boolean;
  /**
   * Whether its columns stay the same when a migration adds one. In a transaction others are not sent by name: PostgreSQL
   * would refuse the outdated name, and the transaction would fail with it.
   */
  readonly hasFixedColumns: boolean;
  private readonly plans = new Map<string, StatementPlan>();
  private readonly speeds = new Map<string, StatementSpeed>();
  private repeatable: boolean | undefined;
  private firstTenant: string | undefined;
  private hasSecondTenant = false;

  constructor(private readonly text: string) {
    this.isRead = isRead(text);
    this.hasFixedColumns = !/\*|\btable\b/i.test(text);
  }

  /** Whether running it twice has no effect; read from the text when first needed. */
  get isRepeatable(): boolean {
    this.repeatable ??= isRepeatable(this.text);
    return this.repeatable;
  }

  /** @param place a target and a schema in it (`TenantAccess.place`) */
  speedAt(place: string): StatementSpeed {
    const known = this.speeds.get(place);
    if (known) return known;
    const speed = new StatementSpeed();
    this.speeds.set(place, speed);
    if (this.speeds.size > MAX_PLACES) deleteOldest(this.speeds);
    return speed;
  }

  /** Whether at least two tenants have sent it, under any search path. */
  get isSharedByTenants(): boolean {
    return this.hasSecondTenant;
  }

  recordTenant(tenantId: string): void {
    this.firstTenant ??= tenantId;
    this.hasSecondTenant ||= tenantId !== this.firstTenant;
  }

  plan(searchPath: string): StatementPlan {
    const known = this.plans.get(searchPath);
    if (known) return known;
    const plan = new StatementPlan(this);
    this.plans.set(searchPath, plan);
    if (this.plans.size > MAX_PLANS) deleteOldest(this.plans);
    return plan;
  }

  markMigrated(searchPath: string): void {
    this.plans.get(searchPath)?.markMigrated();
  }
}

/** The process-wide history of recently sent row statements. */
class StatementRecords {
  private readonly records = new Map<string, StatementRecord>();

  get(text: string): StatementRecord | undefined {
    return this.records.get(text);
  }

  /**
   * @param text a row statement (kind `rows`)
   * @returns undefined when the text is too long to be recorded
   */
  add(text: string): StatementRecord | undefined {
    if (text.length > MAX_TEXT_LENGTH) return undefined;
    const record = new StatementRecord(text);
    this.records.set(text, record);
    if (this.records.size > MAX_RECORDS) deleteOldest(this.records);
    return record;
  }

  /** A migration has changed tables under the search path: statements that were prepared before are prepared again. */
  markMigrated(searchPath: string): void {
    for (const record of this.records.values()) record.markMigrated(searchPath);
  }
}

export const statementRecords = new StatementRecords();

function deleteOldest(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}

/** Executions after which a statement counts as frequent. */
const MIN_EXECUTIONS = 3;
/** Statements that take longer than this on average get a connection of their own. */
const QUICK_MS = 10;
/** The moving average spans about this many executions. */
const AVERAGE_WINDOW = 8;

/** How long one statement takes in one place: the same text may be quick for one schema, and wait for a lock in another. */
export class StatementSpeed {
  private executions = 0;
  private averageMs = 0;

  /** Whether it is fast on average. */
  get isQuick(): boolean {
    return this.executions >= MIN_EXECUTIONS && this.averageMs < QUICK_MS;
  }

  /**
   * @param ms how long the server took
   * @param isCold whether the server may have been slow because the connection was new
   */
  record(ms: number, isCold: boolean): void {
    if (isCold && ms >= QUICK_MS) return;
    this.executions += 1;
    this.averageMs += (ms - this.averageMs) / AVERAGE_WINDOW;
  }

  /** It is holding up others now: it is not quick until several executions have been. */
  markSlow(): void {
    this.averageMs = Math.max(this.averageMs, 2 * QUICK_MS);
  }
}
