import { runWithoutContext } from './run-without-context.js';

/** It holds something back that is to be written. */
interface PendingWriter {
  flush(): void;
}

const pending = new Set<PendingWriter>();

/** Flushes the writer at the end of this turn of the event loop, so that what is sent in one turn becomes one write. */
export function flushAtEndOfTurn(writer: PendingWriter): void {
  if (pending.size === 0) runWithoutContext(() => setImmediate(flushAll));
  pending.add(writer);
}

function flushAll(): void {
  const writers = [...pending];
  pending.clear();
  for (const writer of writers) writer.flush();
}
