import type { Rejection } from '../../database/pool/connection-pool.js';
import { endsWithin } from '../../platform/timeout.js';

/** How long a tenant's running work may continue after the change that stops it: well within a second. */
const GRACE_MS = 500;

/** How far a tenant's last known status can be relied on; times in ms of the process's clock. */
type Currency =
  /** A change was announced that no check covers, or there was no check yet: callers wait for one. */
  | { readonly name: 'stale'; readonly since: number }
  /** A check has covered every announced change. */
  | { readonly name: 'confirmed'; readonly checkedAt: number }
  /** The last check failed: the last known status holds, and is checked again while callers go on. */
  | { readonly name: 'unconfirmed'; readonly checkedAt: number };

/** One tenant's admission: the last known status, how current that is, the check in progress and the revocation due. */
export class AdmissionState {
  /** A status check in progress. */
  checking: Promise<void> | undefined;
  private currency: Currency = { name: 'stale', since: performance.now() };
  /** Undefined when the tenant is served, as far as is known. */
  private rejection: Rejection | undefined;
  private checkStartedAt = 0;
  /** Whether a change was announced since the last check began. */
  private isOvertaken = false;
  private revocation: NodeJS.Timeout | undefined;

  /** Confirmed and served: the usual case. */
  get isOpen(): boolean {
    return this.currency.name === 'confirmed' && this.rejection === undefined;
  }

  get isStale(): boolean {
    return this.currency.name === 'stale';
  }

  /** Whether it must not be evicted. */
  get isBusy(): boolean {
    return this.checking !== undefined || this.revocation !== undefined;
  }

  /**
   * Whether the status should be checked again, although callers need not wait for the result: it is older than `ageMs`
   * and may have changed unnoticed.
   */
  needsRecheck(ageMs: number, isFeedConnected: boolean): boolean {
    const { currency } = this;
    if (currency.name === 'stale' || (currency.name === 'confirmed' && isFeedConnected)) return false;
    return performance.now() - currency.checkedAt > ageMs;
  }

  /** @throws the rejection */
  assertServed(): void {
    if (this.rejection) throw this.rejection();
  }

  /** A change was announced: the status may differ now. */
  markStale(): void {
    this.isOvertaken = true;
    if (!this.isStale) this.currency = { name: 'stale', since: performance.now() };
  }

  beginCheck(): void {
    this.checkStartedAt = performance.now();
    this.isOvertaken = false;
  }

  /**
   * Records the result of a check; one that a change has overtaken leaves the state stale. A rejected tenant's connections
   * are revoked `GRACE_MS` after the change was announced, unless a later check finds it served by then.
   */
  record(rejection: Rejection | undefined, revoke: (rejection: Rejection) => void): void {
    const now = performance.now();
    const since = this.currency.name === 'stale' ? this.currency.since : now;
    this.rejection = rejection;
    if (!this.isOvertaken) this.currency = { name: 'confirmed', checkedAt: now };
    if (!rejection) return this.cancelRevocation();
    this.revocation ??= setTimeout(
      () => {
        this.revocation = undefined;
        if (this.rejection) revoke(this.rejection);
      },
      since + GRACE_MS - now,
    );
  }

  checkFailed(): void {
    this.currency = { name: 'unconfirmed', checkedAt: performance.now() };
  }

  /** Waits for the check in progress, for `timeoutMs` from its start at most. */
  async checkedWithin(timeoutMs: number): Promise<void> {
    const leftMs = this.checkStartedAt + timeoutMs - performance.now();
    if (!this.checking || leftMs <= 0) return;
    await endsWithin(this.checking, leftMs); // without a result the last known status holds
  }

  cancelRevocation(): void {
    clearTimeout(this.revocation);
    this.revocation = undefined;
  }
}
