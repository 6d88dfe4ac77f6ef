import { runWithoutContext } from '../../platform/run-without-context.js';

interface Sender {
  post(): void;
}

const senders = new Set<Sender>();

/** Lets a connection send at the end of this turn of the event loop: what several callers send on it is one write. */
export function postTogether(sender: Sender): void {
  if (senders.size === 0) runWithoutContext(() => setImmediate(postAll));
  senders.add(sender);
}

function postAll(): void {
  const all = [...senders];
  senders.clear();
  for (const sender of all) sender.post();
}
