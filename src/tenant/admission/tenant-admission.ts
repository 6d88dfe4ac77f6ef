import type { Admission, Rejection } from '../../database/pool/connection-pool.js';
import { runWithoutContext } from '../../platform/run-without-context.js';
import { AdmissionState } from './admission-state.js';

/** Returns the reason why a tenant is not served; undefined when it is. */
export type StatusProvider = (tenantId: string) => Promise<Rejection | undefined>;

/** The connections that tenants wait for and hold. */
export interface TenantConnections {
  tenantsInUse(): Set<string>;
  /** Rejects the tenant's waiting callers. */
  rejectWaiting(tenantId: string, rejection: Rejection): void;
  /** Revokes the connections that the tenant holds. */
  revoke(tenantId: string, rejection: Rejection): void;
}

/** How long a tenant's running work may continue after the change that stops it: well within a second. */
const GRACE_MS = 500;
/** How long a caller waits for a status check; after that the last known status holds. */
const CHECK_TIMEOUT_MS = 250;
/** While changes may be missed, or the last check failed, a status older than this is checked again. */
const RECHECK_MS = 250;
const RETRY_MS = 1_000;
/** Tenants whose status is remembered; an evicted one is checked again. */
const MAX_TENANTS = 10_000;

/**
 * Admits a tenant's statements, transactions and sessions to connections while the tenant is served, including those of
 * a data source that was obtained earlier.
 *
 * The status is checked on a tenant's first request and after each announced change: immediately when the
 * tenant has work in progress, otherwise with its next request. When the tenant is not served, its waiting callers are
 * rejected at once and its connections are revoked after `GRACE_MS`. When the check fails, the last known status holds.
 */
export class TenantAdmission implements Admission {
  private readonly states = new Map<string, AdmissionState>();
  private readonly changed = new Set<string>();
  private readonly unconfirmed = new Set<string>();
  private isFeedLost = false;
  private isScheduled = false;
  private isClosed = false;
  private retry: NodeJS.Timeout | undefined;

  constructor(
    private readonly statusOf: StatusProvider,
    private readonly connections: TenantConnections,
  ) {}

  /** On the path of every statement: one map lookup, unless something is stale. */
  enter(tenantId: string): Promise<void> | undefined {
    const state = this.states.get(tenantId);
    if (state !== undefined && state.isOpen && !this.isFeedLost) return undefined;
    if (this.isClosed) return undefined;
    if (!state?.isCurrent) return this.enterUnchecked(tenantId, state ?? this.create(tenantId));
    const isOld = performance.now() - state.checkedAt > RECHECK_MS;
    if (isOld && (this.isFeedLost || !state.isConfirmed)) void this.check(tenantId, state);
    state.assertServed();
    return undefined;
  }

  isOpen(tenantId: string): boolean {
    return (this.states.get(tenantId)?.isOpen === true && !this.isFeedLost) || this.isClosed;
  }

  assertServed(tenantId: string): void {
    this.states.get(tenantId)?.assertServed();
  }

  /** A tenant has changed. Cheap in bulk: a tenant without work in progress is only checked on its next request. */
  markStale(tenantId: string): void {
    this.states.get(tenantId)?.markStale();
    this.changed.add(tenantId);
    if (this.isScheduled) return;
    this.isScheduled = true;
    runWithoutContext(() => setImmediate(() => this.checkChanged()));
  }

  /** Changes are announced again; any tenant may have changed in between. */
  feedRestored(): void {
    this.isFeedLost = false;
    this.markAllStale();
  }

  /** Any tenant may have changed. */
  markAllStale(): void {
    for (const state of this.states.values()) state.markStale();
    for (const tenantId of this.connections.tenantsInUse()) this.markStale(tenantId);
  }

  /** Changes may be missed from now on. */
  feedLost(): void {
    this.isFeedLost = true;
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.retry);
    for (const state of this.states.values()) state.close();
    this.states.clear();
  }

  private async enterUnchecked(tenantId: string, state: AdmissionState): Promise<void> {
    await state.checkedWithin(this.check(tenantId, state), CHECK_TIMEOUT_MS);
    state.assertServed();
  }

  private checkChanged(): void {
    this.isScheduled = false;
    const inUse = this.connections.tenantsInUse();
    for (const tenantId of this.changed) {
      if (inUse.has(tenantId)) void this.check(tenantId, this.states.get(tenantId) ?? this.createStale(tenantId));
    }
    this.changed.clear();
  }

  /** One check per tenant at a time. Never rejects. */
  private check(tenantId: string, state: AdmissionState): Promise<void> {
    return (state.checking ??= runWithoutContext(() => this.settle(tenantId, state)).finally(() => {
      state.checking = undefined;
    }));
  }

  private async settle(tenantId: string, state: AdmissionState): Promise<void> {
    while (!this.isClosed) {
      const covered = state.beginCheck();
      try {
        this.apply(tenantId, state, await this.statusOf(tenantId), covered);
      } catch {
        // The provider logs its own failures; the last known status holds, and retries do not block callers.
        state.checkFailed();
        return this.retryLater(tenantId);
      }
      if (state.isCurrent) return; // otherwise the tenant has changed during the check
    }
  }

  private apply(tenantId: string, state: AdmissionState, rejection: Rejection | undefined, covered: number): void {
    const since = state.record(rejection, covered);
    if (!rejection) return;
    this.connections.rejectWaiting(tenantId, rejection);
    state.revokeAfter(GRACE_MS, since, (current) => this.connections.revoke(tenantId, current));
  }

  private retryLater(tenantId: string): void {
    this.unconfirmed.add(tenantId);
    this.retry ??= setTimeout(() => {
      this.retry = undefined;
      for (const id of this.unconfirmed) this.changed.add(id);
      this.unconfirmed.clear();
      this.checkChanged();
    }, RETRY_MS).unref();
  }

  /** For a tenant without a state whose change was announced a moment ago. */
  private createStale(tenantId: string): AdmissionState {
    const state = this.create(tenantId);
    state.markStale();
    return state;
  }

  private create(tenantId: string): AdmissionState {
    const state = new AdmissionState();
    this.states.set(tenantId, state);
    if (this.states.size > MAX_TENANTS) this.evictOldest();
    return state;
  }

  private evictOldest(): void {
    for (const [tenantId, state] of this.states) {
      if (state.isBusy) continue;
      this.states.delete(tenantId);
      return;
    }
  }
}
