import type pg from 'pg';
import { isServerWorking, trafficOf } from '../connection/pg-internals.js';
import type { AcquireRequest, LeaseLimit } from './connection-pool.js';
import { LeaseExpiredError } from './pool.errors.js';
import type { PoolOptions } from './pool-options.js';

/** Deep enough to reach the application's frames; with V8's default of ten, the stack would end inside TypeORM. */
const MAX_FRAMES = 40;

/** Compiled or source files of the database layer; its tests, which have the same folder names, are not matched. */
const INTERNAL_FRAME = /[/\\](?:src|dist)[/\\]database[/\\](?:pool|connection|statements|transactions)[/\\]/;

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
