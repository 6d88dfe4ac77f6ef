import { runWithoutContext } from '../../platform/run-without-context.js';

interface PendingWriter {
  flush(): void;
}

const pending = new Set<PendingWriter>();

/** Flushes the writer at the end of this turn of the event loop, so that the statements of several callers are one write. */
export function scheduleFlush(writer: PendingWriter): void {
  if (pending.size === 0) runWithoutContext(() => setImmediate(flushAll));
  pending.add(writer);
}

function flushAll(): void {
  const writers = [...pending];
  pending.clear();
  for (const writer of writers) writer.flush();
}
