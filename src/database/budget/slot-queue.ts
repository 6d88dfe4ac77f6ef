import { DeadlineError, withDeadline } from '../../platform/timeout.js';
import type { SlotSource } from '../connection/slot-source.js';
import type { ReservedSlots } from './reserved-slots.js';

/**
 * How long a slot is waited for that only a renewal frees: the connection may be the renewal's own. Its next attempt finds another
 * connection unused.
 */
const RENEWAL_MS = 250;

/** Hands out reserved slots to single connections, in the order in which they asked. */
export class SlotQueue implements SlotSource {
  private taken = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly slots: ReservedSlots) {
    slots.onChanged = () => this.serve();
  }

  async acquire(timeoutMs: number): Promise<void> {
    let serve!: () => void;
    const served = new Promise<void>((resolve) => (serve = resolve));
    this.waiting.push(serve);
    this.adjust();
    const waitMs = this.slots.awaitsRenewal ? Math.min(timeoutMs, RENEWAL_MS) : timeoutMs;
    try {
      await withDeadline(served, waitMs);
    } catch (error) {
      if (this.withdraw(serve)) throw error instanceof DeadlineError ? this.timeout(waitMs) : error;
    }
  }

  release(): void {
    this.taken -= 1;
    this.serve();
    this.adjust();
  }

  private serve(): void {
    while (this.taken < this.slots.held) {
      const next = this.waiting.shift();
      if (!next) return;
      this.taken += 1;
      next();
    }
  }

  /** @returns whether it was still waiting */
  private withdraw(serve: () => void): boolean {
    const position = this.waiting.indexOf(serve);
    if (position < 0) return false;
    this.waiting.splice(position, 1);
    this.adjust();
    return true;
  }

  private adjust(): void {
    this.slots.want(this.taken + this.waiting.length);
  }

  /** Begins as the errors of node-postgres do when a connection takes too long: it is transient, like those. */
  private timeout(timeoutMs: number): Error {
    return new Error(
      `timeout exceeded when trying to connect: no free connection to the server within ${timeoutMs} ms`,
    );
  }
}
