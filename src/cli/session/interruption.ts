import { onStopSignal } from '../../platform/shutdown/stop-signals.js';
import { EXIT } from '../terminal/failure.js';

/**
 * Settles as `work` does, or rejects with `reason()` on the first SIGINT or SIGTERM; the outcome of `work` is then dropped.
 * A second signal exits the process at once.
 */
export async function interruptible<T>(work: Promise<T>, reason: () => Error): Promise<T> {
  let isInterrupted = false;
  let interrupt!: () => void;
  const interrupted = new Promise<never>((_resolve, reject) => {
    interrupt = () => {
      isInterrupted = true;
      reject(reason());
    };
  });
  const stopListening = onStopSignal(interrupt, EXIT.interrupted);
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    if (!isInterrupted) stopListening();
  }
}
