import type { TargetPool } from './target-pool.js';

const INTERVAL_MS = 1_000;
/** Attempts per interval, so that many targets that are away together, with one server, cost little. */
const MAX_ATTEMPTS = 4;

/**
 * Tries targets again whose breaker is open. Callers would do so, but a target without any is otherwise reported as
 * unreachable for ever.
 */
export class TargetProbes {
  private readonly timer: NodeJS.Timeout;
  /** Pools that were tried since the others were. */
  private tried = new WeakSet<TargetPool>();

  constructor(private readonly pools: () => Iterable<TargetPool>) {
    this.timer = setInterval(() => this.tryAgain(), INTERVAL_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private tryAgain(): void {
    const broken = [...this.pools()].filter(({ breaker }) => breaker === 'open');
    if (broken.length === 0) return;
    const untried = broken.filter((pool) => !this.tried.has(pool));
    if (untried.length === 0) this.tried = new WeakSet();
    for (const pool of (untried.length > 0 ? untried : broken).slice(0, MAX_ATTEMPTS)) {
      this.tried.add(pool);
      void pool.warmUp(pool.counts().total + 1);
    }
  }
}
