import type pg from 'pg';
import { isServerWorking, trafficOf } from '../connection/pg-internals.js';
import type { AcquireRequest, LeaseLimit, PooledConnection } from './connection-pool.js';
import { LeaseExpiredError } from './pool.errors.js';
import type { PoolOptions } from './pool-options.js';
import type { PoolEntry } from './pool-entry.js';

/** Deep enough to reach the application's frames; with V8's default of ten, the stack would end inside TypeORM. */
const MAX_FRAMES = 40;

/**
 * Files of the database layer: its source, compiled, or in the package (`lib/esm`, `lib/cjs`). Its tests, which have the
 * same folder names, are not matched.
 */
const INTERNAL_FRAME =
  /[/\\](?:src|dist|lib[/\\](?:esm|cjs))[/\\]database[/\\](?:pool|connection|statements|transactions)[/\\]/;

/** Where a connection was requested. Formatted lazily, because formatting a stack is expensive. */
export class CallSite {
  private readonly trace: { stack?: string } = {};

  constructor() {
    const defaultLimit = Error.stackTraceLimit;
    Error.stackTraceLimit = MAX_FRAMES;
    Error.captureStackTrace(this.trace, CallSite);
    Error.stackTraceLimit = defaultLimit;
  }

  /** The stack without frames of the database layer. */
  get stack(): string {
    const lines = (this.trace.stack ?? '').split('\n').slice(1);
    return lines.filter((line) => !INTERNAL_FRAME.test(line)).join('\n');
  }
}

/** The call site of a lease; undefined for single statements, which are too short-lived to be worth the cost. */
export function callSiteOf({ hold }: AcquireRequest): CallSite | undefined {
  return hold === 'lease' ? new CallSite() : undefined;
}

/** A connection held for longer than one statement. */
export interface HeldLease {
  readonly tenantId: string;
  /** When it was acquired, in ms of the pool's clock. */
  readonly since: number;
  /** Where it was requested. */
  readonly site: CallSite;
  limit: LeaseLimit;
}

interface LeaseHolder {
  readonly client: pg.ClientBase;
  readonly lease: HeldLease | undefined;
}

/** When a lease was last seen in use, and its traffic then. */
interface Activity {
  readonly at: number;
  readonly traffic: number;
}

/**
 * Finds the leases that are held, or idle, for too long. It looks at the connections now and then, so that a statement
 * costs nothing.
 */
export class LeaseLimits {
  private readonly activities = new WeakMap<HeldLease, Activity>();
  private readonly reported = new WeakSet<HeldLease>();

  constructor(private readonly limits: Pick<PoolOptions, 'leaseTimeoutMs' | 'leaseIdleTimeoutMs' | 'leaseWarningMs'>) {}

  /** Whether to report the lease, which is done once. @param now in ms of the pool's clock */
  isOverdue(lease: HeldLease, now: number): boolean {
    if (now - lease.since <= this.limits.leaseWarningMs || this.reported.has(lease)) return false;
    this.reported.add(lease);
    return true;
  }

  /** The error for the holder of a lease that is to be ended; undefined while it may go on. */
  reasonToEnd({ client, lease }: LeaseHolder, now: number): LeaseExpiredError | undefined {
    if (!lease || lease.limit === 'none') return undefined;
    const { leaseTimeoutMs, leaseIdleTimeoutMs } = this.limits;
    if (lease.limit === 'life' && isOver(leaseTimeoutMs, now - lease.since))
      return new LeaseExpiredError('held', leaseTimeoutMs);
    return isOver(leaseIdleTimeoutMs, this.idleMs(lease, client, now))
      ? new LeaseExpiredError('idle', leaseIdleTimeoutMs)
      : undefined;
  }

  private idleMs(lease: HeldLease, client: pg.ClientBase, now: number): number {
    const traffic = trafficOf(client);
    const last = this.activities.get(lease);
    if (last?.traffic === traffic && !isServerWorking(client)) return now - last.at;
    this.activities.set(lease, { at: now, traffic });
    return 0;
  }
}

function isOver(limitMs: number, ms: number): boolean {
  return limitMs > 0 && ms > limitMs;
}

/** Receives a connection when its holder releases it: the pool, or the direct fallback. */
interface ReturnTarget {
  release(checkedOut: CheckedOutConnection, discardReason?: string): void;
}

/** A connection checked out by one caller. */
export class CheckedOutConnection implements PooledConnection {
  private released = false;
  private revocation: Error | undefined;
  private notify: ((reason: Error) => void) | undefined;

  constructor(
    private readonly returnTarget: ReturnTarget,
    readonly entry: PoolEntry,
    readonly tenantId: string,
    readonly lease: HeldLease | undefined,
    readonly keepsPreparedStatements = false,
    readonly isShared = false,
  ) {}

  get client(): pg.ClientBase {
    return this.entry.connection.client;
  }

  get revoked(): Error | undefined {
    return this.revocation;
  }

  /**
   * Notifies the holder that it may no longer use the connection. A shared connection stays open for its other sharers;
   * of an exclusive one, which the caller closes, sessions are notified through the client's `error` event.
   */
  revoke(reason: Error): void {
    if (this.revocation) return;
    this.revocation = reason;
    if (this.isShared) this.notify?.(reason);
    else this.client.emit('error', reason);
  }

  onRevoked(notify: (reason: Error) => void): void {
    if (this.isShared) this.notify = notify;
  }

  limitLease(limit: LeaseLimit): void {
    if (this.lease) this.lease.limit = limit;
  }

  release(discardReason?: string): void {
    if (this.released) return;
    this.released = true;
    this.returnTarget.release(this, discardReason);
  }
}
