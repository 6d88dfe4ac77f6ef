import type { BudgetMember, ServerBudget } from '../budget/server-budget.js';

/** Callers that may wait; further ones are refused at once. */
const MAX_WAITING = 1_000;

/** How long a caller waits for a slot. */
export interface SlotWait {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Slots for direct connections: at most `max` at a time, each of them one of the server's budget as well. Callers receive
 * them in order of arrival.
 */
export class DirectSlots {
  private taken = 0;
  private readonly queue: SlotRequest[] = [];

  constructor(private readonly max: number) {}

  /**
   * Waits for a slot, to be returned with `release` once its connection is closed.
   *
   * @returns false when the time was over first, or too many wait already
   * @throws the signal's reason
   */
  async acquire(budget: ServerBudget, { timeoutMs, signal }: SlotWait): Promise<boolean> {
    signal?.throwIfAborted();
    if (this.queue.length >= MAX_WAITING) return false;
    const request = new SlotRequest(budget);
    this.queue.push(request);
    this.admit();
    const giveUp = (): void => this.withdraw(request);
    const timer = setTimeout(giveUp, timeoutMs);
    signal?.addEventListener('abort', giveUp);
    const isGranted = await request.settled;
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
    if (!isGranted) signal?.throwIfAborted();
    return isGranted;
  }

  release(budget: ServerBudget): void {
    budget.release();
    this.free();
  }

  private admit(): void {
    while (this.taken < this.max) {
      const next = this.queue.shift();
      if (!next) return;
      this.taken += 1;
      next.ask();
    }
  }

  private withdraw(request: SlotRequest): void {
    const position = this.queue.indexOf(request);
    if (position >= 0) this.queue.splice(position, 1);
    if (request.withdraw() && position < 0) this.free();
  }

  private free(): void {
    this.taken -= 1;
    this.admit();
  }
}

/** One caller's request to the server's budget. */
class SlotRequest implements BudgetMember {
  readonly held = 0;
  readonly idleSince = undefined;
  readonly waitingSince = performance.now();
  /** Whether the slot was granted. */
  readonly settled: Promise<boolean>;
  private settle!: (isGranted: boolean) => void;
  private isSettled = false;

  constructor(private readonly budget: ServerBudget) {
    this.settled = new Promise((resolve) => (this.settle = resolve));
  }

  ask(): void {
    if (this.budget.request(this)) this.onGranted();
  }

  closeLongestIdle(): boolean {
    return false;
  }

  onGranted(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    this.settle(true);
    return true;
  }

  /** @returns whether it was still waiting */
  withdraw(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    this.budget.leave(this);
    this.settle(false);
    return true;
  }
}
