import { setImmediate } from 'node:timers';
import { runWithoutContext } from '../../platform/run-without-context.js';

/** A query, or several on one connection, that the server must answer in time. */
interface Timed {
  /** How long the server may take for one query, in ms; 0 for any time. */
  readonly readTimeoutMs: number;
  /** How long it has been working on the first one, in ms; undefined while there is none. */
  busyMs(now: number): number | undefined;
  failAll(error: Error): void;
}

/** Queries that wait behind another one on a shared connection. */
interface Queued {
  /** @returns whether to go on checking */
  checkStall(now: number): boolean;
}

/**
 * Checks all that is watched with one timer, which runs while there is anything: a timer per statement would take longer
 * than many a statement.
 */
class Monitor<T> {
  private readonly watched = new Set<T>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly intervalMs: number,
    /** @returns whether to go on checking */
    private readonly check: (watched: T, now: number) => boolean,
  ) {}

  watch(watched: T): void {
    this.watched.add(watched);
    this.timer ??= runWithoutContext(() => setInterval(() => this.readSocketsFirst(), this.intervalMs).unref());
  }

  /** When this process was blocked, replies may be waiting in sockets, which are read between timers and `setImmediate`. */
  private readSocketsFirst(): void {
    setImmediate(() => this.checkAll());
  }

  private checkAll(): void {
    const now = performance.now();
    for (const each of this.watched) if (!this.check(each, now)) this.watched.delete(each);
    if (this.watched.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }
}

/** Fails queries whose server takes too long, at most half a second late, with node-postgres' own error. */
export const readTimeouts = new Monitor<Timed>(500, (query, now) => {
  const busyMs = query.busyMs(now);
  const { readTimeoutMs } = query;
  if (busyMs === undefined || readTimeoutMs <= 0) return false;
  if (busyMs > readTimeoutMs) query.failAll(new Error('Query read timeout'));
  return true;
});

/** Notices pipelines in which queries wait behind a slow one. */
export const stalls = new Monitor<Queued>(50, (pipeline, now) => pipeline.checkStall(now));
