import { setImmediate } from 'node:timers';
import { runWithoutContext } from '../../platform/run-without-context.js';

const CHECK_INTERVAL_MS = 50;

/** A pipeline in which queries wait behind another one. */
interface Watched {
  /** @returns whether to go on checking */
  checkStall(now: number): boolean;
}

const watched = new Set<Watched>();
let timer: NodeJS.Timeout | undefined;

/** Checks regularly whether the pipeline stalls, until it says that there is no need to. */
export function watchForStalls(pipeline: Watched): void {
  watched.add(pipeline);
  timer ??= runWithoutContext(() => setInterval(readSocketsFirst, CHECK_INTERVAL_MS).unref());
}

/** When this process was blocked, replies may be waiting in sockets, which are read between timers and `setImmediate`. */
function readSocketsFirst(): void {
  setImmediate(checkAll);
}

function checkAll(): void {
  const now = performance.now();
  for (const pipeline of watched) if (!pipeline.checkStall(now)) watched.delete(pipeline);
  if (watched.size > 0) return;
  clearInterval(timer);
  timer = undefined;
}
