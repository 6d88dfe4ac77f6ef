import type { Admission, Rejection } from '../../database/pool/connection-pool.js';
import { Inject, Injectable } from '@nestjs/common';
import { type CatalogEvent, CatalogEvents } from '../../catalog/feed/catalog-events.js';
import { ConnectionPools } from '../../database/pool/connection-pools.js';
import { runWithoutContext } from '../../platform/run-without-context.js';
import { TenantLookup } from '../directory/tenant-lookup.js';
import { TenantGoneError } from './admission.errors.js';
import { AdmissionState } from './admission-state.js';
import { NoticedMigrations } from './noticed-migrations.js';
import { TenantAvailability } from './tenant-availability.js';

/** How long a caller waits for a status check; after that the last known status holds. */
const CHECK_TIMEOUT_MS = 250;
/** While changes may be missed, or the last check failed, a status older than this is checked again. */
const RECHECK_MS = 250;
const RETRY_MS = 1_000;
/** Tenants whose status is remembered; an evicted one is checked again. */
const MAX_TENANTS = 10_000;

/**
 * Admits a tenant's statements, transactions and sessions to connections while `TenantAvailability` says that the tenant is
 * served, including those of a data source that was obtained earlier.
 *
 * The status is checked on a tenant's first request and after each announced change: immediately when the
 * tenant has work in progress, otherwise with its next request. When the tenant is not served, its waiting callers are
 * rejected at once and its connections are revoked after a grace. When the check fails, the last known status holds.
 */
@Injectable()
export class TenantAdmission implements Admission {
  private readonly states = new Map<string, AdmissionState>();
  private readonly changed = new Set<string>();
  private readonly unconfirmed = new Set<string>();
  private readonly migrations = new NoticedMigrations();
  private isFeedConnected = false;
  private isScheduled = false;
  private isClosed = false;
  private retry: NodeJS.Timeout | undefined;

  constructor(
    @Inject(ConnectionPools)
    private readonly pools: Pick<ConnectionPools, 'admission' | 'tenantsInUse' | 'rejectWaiting' | 'revoke'>,
    @Inject(TenantLookup) private readonly lookup: Pick<TenantLookup, 'byId'>,
    @Inject(TenantAvailability) private readonly availability: Pick<TenantAvailability, 'learnSet' | 'rejectionOf'>,
    events: CatalogEvents,
  ) {
    pools.admission = this;
    events.subscribe('admission', (event) => this.onEvent(event));
  }

  /** On the path of every statement: one map lookup, unless something is stale. */
  enter(tenantId: string): Promise<void> | undefined {
    const state = this.states.get(tenantId);
    if (state !== undefined && state.isOpen && this.isFeedConnected) return undefined;
    if (this.isClosed) return undefined;
    if (!state || state.isStale) return this.enterUnchecked(tenantId, state ?? this.create(tenantId));
    if (state.needsRecheck(RECHECK_MS, this.isFeedConnected)) this.check(tenantId, state);
    state.assertServed();
    return undefined;
  }

  isOpen(tenantId: string): boolean {
    return (this.states.get(tenantId)?.isOpen === true && this.isFeedConnected) || this.isClosed;
  }

  assertServed(tenantId: string): void {
    this.states.get(tenantId)?.assertServed();
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.retry);
    for (const state of this.states.values()) state.cancelRevocation();
    this.states.clear();
  }

  private onEvent(event: CatalogEvent): void {
    switch (event.kind) {
      case 'change':
        if (event.tenantId !== undefined) this.markStale(event.tenantId);
        return;
      case 'unknown-change':
        return this.markAllStale();
      case 'restored':
        this.isFeedConnected = true;
        return this.markAllStale();
      case 'lost':
        this.isFeedConnected = false;
    }
  }

  private markAllStale(): void {
    for (const state of this.states.values()) state.markStale();
    for (const tenantId of this.pools.tenantsInUse()) this.markStale(tenantId);
  }

  /** Cheap in bulk: a tenant without work in progress is only checked on its next request. */
  private markStale(tenantId: string): void {
    this.states.get(tenantId)?.markStale();
    this.changed.add(tenantId);
    if (this.isScheduled) return;
    this.isScheduled = true;
    runWithoutContext(() => setImmediate(() => this.checkChanged()));
  }

  private async enterUnchecked(tenantId: string, state: AdmissionState): Promise<void> {
    this.check(tenantId, state);
    await state.checkedWithin(CHECK_TIMEOUT_MS);
    state.assertServed();
  }

  private checkChanged(): void {
    this.isScheduled = false;
    const inUse = this.pools.tenantsInUse();
    for (const tenantId of this.changed) {
      if (inUse.has(tenantId)) this.check(tenantId, this.states.get(tenantId) ?? this.create(tenantId));
    }
    this.changed.clear();
  }

  /** Starts a check unless one is in progress. */
  private check(tenantId: string, state: AdmissionState): void {
    state.checking ??= runWithoutContext(() => this.checkUntilCurrent(tenantId, state)).finally(() => {
      state.checking = undefined;
    });
  }

  /** Never rejects. */
  private async checkUntilCurrent(tenantId: string, state: AdmissionState): Promise<void> {
    while (!this.isClosed) {
      state.beginCheck();
      try {
        const rejection = await this.rejectionOf(tenantId);
        if (this.isClosed) return;
        state.record(rejection, (current) => this.pools.revoke(tenantId, current));
        if (rejection) this.pools.rejectWaiting(tenantId, rejection);
      } catch {
        // The lookup logs its own failures; the last known status holds, and retries do not block callers.
        state.checkFailed();
        return this.retryLater(tenantId);
      }
      if (!state.isStale) return; // otherwise the tenant has changed during the check
    }
  }

  /** Undefined when the tenant is served; else creates a new error for each rejected caller. */
  private async rejectionOf(tenantId: string): Promise<Rejection | undefined> {
    const tenant = await this.lookup.byId(tenantId);
    if (!tenant) return () => new TenantGoneError();
    this.migrations.note(tenant);
    await this.availability.learnSet(tenant); // nothing announces later that its tables turned out to be behind
    const rejection = this.availability.rejectionOf(tenant);
    return rejection && (() => this.availability.rejectionOf(tenant) ?? rejection);
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
