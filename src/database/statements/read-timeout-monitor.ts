import { runWithoutContext } from '../../platform/run-without-context.js';

const CHECK_INTERVAL_MS = 500;

/** A pipeline whose server must answer in time. */
interface Monitored {
  busyMs(now: number): number | undefined;
  failAll(error: Error): void;
}

/** Pipelines that are busy, or were at the last check, with their read timeout in ms. */
const monitored = new Map<Monitored, number>();
let timer: NodeJS.Timeout | undefined;

/**
 * Fails a pipeline whose server takes longer than `timeoutMs` for one query, at most half a second late: a timer per
 * statement would cost more than many a statement. The error has node-postgres' own message.
 */
export function monitorReadTimeout(pipeline: Monitored, timeoutMs: number): void {
  if (timeoutMs <= 0 || monitored.get(pipeline) === timeoutMs) return;
  monitored.set(pipeline, timeoutMs);
  timer ??= runWithoutContext(() => setInterval(checkAll, CHECK_INTERVAL_MS).unref());
}

function checkAll(): void {
  const now = performance.now();
  for (const [pipeline, timeoutMs] of monitored) {
    const busyMs = pipeline.busyMs(now);
    if (busyMs === undefined) monitored.delete(pipeline);
    else if (busyMs > timeoutMs) pipeline.failAll(new Error('Query read timeout'));
  }
  if (monitored.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}
