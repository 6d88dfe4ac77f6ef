import type { Rejection } from '../../database/pool/connection-pool.js';
import { endsWithin } from '../../platform/timeout.js';

/** One tenant's admission status: whether it is served, how current that is, and the check in progress. */
export class AdmissionState {
  /** A status check in progress. */
  checking: Promise<void> | undefined;
  /** When the last check ended, with or without a result, in ms of the process's clock. */
  checkedAt = -Infinity;
  private rejection: Rejection | undefined;
  /** Number of changes announced so far. */
  private changes = 0;
  private current = false;
  private confirmed = false;
  private open = false;
  private checkStartedAt = 0;
  /** When the first change was announced that no check has covered yet. */
  private staleSince: number | undefined;
  private revoking: NodeJS.Timeout | undefined;

  /** Current, confirmed and served: the usual case, in one flag. */
  get isOpen(): boolean {
    return this.open;
  }

  /** Whether no change has been announced since the last check began. */
  get isCurrent(): boolean {
    return this.current;
  }

  /** Whether the last check had a result. */
  get isConfirmed(): boolean {
    return this.confirmed;
  }

  /** Whether it must not be evicted. */
  get isBusy(): boolean {
    return this.checking !== undefined || this.revoking !== undefined;
  }

  /** @throws the rejection */
  assertServed(): void {
    if (this.rejection) throw this.rejection();
  }

  /** A change was announced: the status may differ now. */
  markStale(): void {
    this.changes += 1;
    this.staleSince ??= performance.now();
    this.current = false;
    this.open = false;
  }

  /** @returns the number of changes that the check covers */
  beginCheck(): number {
    this.checkStartedAt = performance.now();
    return this.changes;
  }

  /**
   * @param covered what `beginCheck` returned; a result superseded by a newer change leaves the state stale
   * @returns the time from which the result holds: when the change was announced, or now
   */
  record(rejection: Rejection | undefined, covered: number): number {
    const since = this.staleSince ?? performance.now();
    this.rejection = rejection;
    this.settle(covered === this.changes, true);
    if (!rejection) this.close();
    return since;
  }

  checkFailed(): void {
    this.settle(true, false);
  }

  /** Waits for the check in progress, for `timeoutMs` from its start at most. */
  async checkedWithin(check: Promise<void>, timeoutMs: number): Promise<void> {
    const leftMs = timeoutMs - (performance.now() - this.checkStartedAt);
    if (leftMs <= 0) return;
    await endsWithin(check, leftMs);
  }

  /**
   * Revokes `graceMs` after `since`, unless the tenant is served again by then. Idempotent while a revocation is due.
   */
  revokeAfter(graceMs: number, since: number, revoke: (rejection: Rejection) => void): void {
    const run = (): void => {
      this.revoking = undefined;
      if (this.rejection) revoke(this.rejection);
    };
    this.revoking ??= setTimeout(run, graceMs - (performance.now() - since));
  }

  /** Cancels a revocation that is due. */
  close(): void {
    clearTimeout(this.revoking);
    this.revoking = undefined;
  }

  private settle(current: boolean, confirmed: boolean): void {
    this.checkedAt = performance.now();
    this.current = current;
    this.confirmed = confirmed;
    this.open = current && confirmed && this.rejection === undefined;
    if (current) this.staleSince = undefined;
  }
}
