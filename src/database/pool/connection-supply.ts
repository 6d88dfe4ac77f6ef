import type { BreakerState } from '../connection/connect-breaker.js';
import { ConnectionOpener } from './connection-opener.js';
import type { ConnectionTarget } from '../connection/connection-target.js';
import type { PhysicalConnection } from '../connection/physical-connection.js';
import { UnsafeRoleError } from '../connection/connection.errors.js';
import type { PoolConnections } from './pool-connections.js';
import type { PoolOptions } from './pool-options.js';
import type { BudgetMember, ServerBudget } from '../budget/server-budget.js';

const VALIDATION_MS = 1_000;
/** After a failure to connect, while own connections are alive: when to try again for those who wait. */
const RETRY_MS = 250;

/** Those whom connections are for. */
export interface ConnectionDemand {
  /** How many connections those need who could be served. */
  connectionsNeeded(): number;
  /** When the wait of the next one began, in ms of the pool's clock. */
  waitingSince(): number | undefined;
  /** A connection is idle, or a place is free: somebody may be served. */
  supplied(): void;
  /** Connecting failed and nothing else can serve: the one it was for is told, or everybody, where nobody tries again. */
  failed(reason: unknown, everybody: boolean): void;
}

export interface SupplyDependencies {
  readonly target: ConnectionTarget;
  readonly options: PoolOptions;
  readonly budget: ServerBudget;
  readonly now: () => number;
  readonly random: () => number;
}

/** Gets connections for those who wait: looks at idle ones, and opens new ones within the pool's and the server's limits. */
export class ConnectionSupply implements BudgetMember {
  private readonly opener: ConnectionOpener;
  private validating = 0;
  /** Asked of the budget and not granted yet. */
  private requested = 0;
  private retry: NodeJS.Timeout | undefined;
  private ended = false;

  constructor(
    private readonly connections: PoolConnections,
    private readonly demand: ConnectionDemand,
    private readonly given: SupplyDependencies,
  ) {
    this.opener = new ConnectionOpener(given.target, given.options, given.now, given.random);
    given.budget.join(this);
  }

  get breaker(): BreakerState {
    return this.opener.breaker.state;
  }

  /** Whether one caller tries if connecting works again, and nothing else could serve: nobody else is to wait for that. */
  get isProbing(): boolean {
    return this.breaker === 'half-open' && this.connections.idle.length + this.validating === 0 && !this.isAlive();
  }

  get lastFailure(): unknown {
    return this.opener.lastFailure;
  }

  /** Gets as many connections on their way as those need who wait. */
  procure(): void {
    if (this.connections.idle.length === 0 && this.isFull) return; // the usual case under load
    const underWay = this.connections.openingCount + this.validating + this.requested;
    for (let missing = this.demand.connectionsNeeded() - underWay; missing > 0; missing -= 1) {
      const doubtful = this.connections.takeTop();
      if (doubtful) void this.validate(doubtful);
      else if (this.isFull || this.retry) return;
      else if (this.given.budget.take(this)) void this.open();
      else this.requested += 1;
    }
  }

  /** Gives up places asked of the budget for callers who were served otherwise, or who left. */
  withdrawSurplus(): void {
    if (this.requested === 0) return;
    const needed = this.demand.connectionsNeeded() - this.connections.openingCount - this.validating;
    for (; this.requested > Math.max(0, needed); this.requested -= 1) this.given.budget.withdraw(this);
  }

  /** Opens up to so many, as far as the server's limit leaves places. */
  async openAhead(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.given.budget.takeNow() && this.open()));
  }

  /** Whether one that is not used here should be closed for another pool of the server. */
  isNeededElsewhere(): boolean {
    return this.given.budget.isNeededElsewhere(this);
  }

  end(): void {
    this.ended = true;
    this.given.budget.leave(this);
    this.requested = 0;
    clearTimeout(this.retry);
  }

  /** Gives up what is being opened. */
  abandon(): void {
    this.opener.abandon();
  }

  // What the server's budget asks

  get held(): number {
    return this.connections.total;
  }

  get idleSince(): number | undefined {
    return this.connections.idle[0]?.aliveAt;
  }

  get waitingSince(): number | undefined {
    return this.demand.waitingSince();
  }

  closeLongestIdle(): boolean {
    return this.connections.retireLongestIdle('server-limit');
  }

  permit(): boolean {
    this.requested -= 1;
    if (this.ended || this.demand.connectionsNeeded() <= this.connections.openingCount + this.validating) return false;
    void this.open();
    return true;
  }

  private get isFull(): boolean {
    const { size, maxOverflow } = this.given.options;
    return this.connections.total + this.requested >= size + maxOverflow;
  }

  private async validate(connection: PhysicalConnection): Promise<void> {
    this.validating += 1;
    const expired = this.given.now() >= connection.retireAt;
    const answers = !expired && (await connection.answers(VALIDATION_MS));
    this.validating -= 1;
    if (expired) this.connections.retire(connection, 'recycled');
    else if (!answers) this.connections.retireUnanswering(connection);
    else this.keep(connection);
    this.demand.supplied();
  }

  /** With a place in the server's budget already taken. */
  private async open(): Promise<void> {
    try {
      this.keep(await this.connections.open(() => this.opener.open((lost) => this.lose(lost))));
    } catch (error) {
      this.openFailed(error);
    }
    this.demand.supplied();
  }

  private keep(connection: PhysicalConnection): void {
    if (this.ended) this.connections.retire(connection, 'ending');
    else if (this.connections.has(connection)) this.connections.park(connection, this.given.now());
  }

  /**
   * While own connections are alive, or others are being opened, they can serve those who wait: then a later attempt is
   * planned, and none is made before.
   */
  private openFailed(error: unknown): void {
    if (this.isAlive()) return this.planRetry();
    const isRefused = error instanceof UnsafeRoleError;
    // Half-open, one of those who wait has their connection on its way.
    this.demand.failed(isRefused ? error : this.lastFailure, isRefused || this.breaker === 'open');
  }

  /** Of a server that does not answer, connections that were lent long ago prove nothing. */
  private isAlive(): boolean {
    const { usableCount, openingCount } = this.connections;
    if (!this.opener.isUnreachable) return usableCount + openingCount > 0;
    return this.connections.someAliveSince(this.given.now() - this.given.options.connectTimeoutMs);
  }

  private planRetry(): void {
    this.retry ??= setTimeout(() => {
      this.retry = undefined;
      this.demand.supplied();
    }, RETRY_MS).unref();
  }

  private lose(connection: PhysicalConnection): void {
    this.connections.retire(connection, 'lost');
    this.connections.requireValidation();
    this.demand.supplied();
  }
}
