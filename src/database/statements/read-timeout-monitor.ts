import { runWithoutContext } from '../../platform/run-without-context.js';

const LOOK_MS = 500;

/** What has to answer in time. */
interface Watched {
  busyMs(now: number): number | undefined;
  break(error: Error): void;
}

/** Those that are busy, or were when it was looked last, with how long they may be, in ms. */
const watched = new Map<Watched, number>();
let watch: NodeJS.Timeout | undefined;

/**
 * Ends what a connection is busy with for longer than `limitMs`, within half a second: a timer for each statement would
 * cost more than many a statement. It says so in node-postgres' words.
 */
export function watchLine(line: Watched, limitMs: number): void {
  if (limitMs <= 0 || watched.has(line)) return;
  watched.set(line, limitMs);
  watch ??= runWithoutContext(() => setInterval(look, LOOK_MS).unref());
}

function look(): void {
  const now = performance.now();
  for (const [line, limitMs] of watched) {
    const busyMs = line.busyMs(now);
    if (busyMs === undefined) watched.delete(line);
    else if (busyMs > limitMs) line.break(new Error('Query read timeout'));
  }
  if (watched.size > 0) return;
  clearInterval(watch);
  watch = undefined;
}
