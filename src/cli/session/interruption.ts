import { EXIT } from '../terminal/failure.js';

/** Under npm one Ctrl-C arrives twice: from the terminal, and forwarded by npm. */
const SAME_KEYPRESS_MS = 500;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Settles as `work` does, or rejects with `reason()` on the first SIGINT or SIGTERM; the outcome of `work` is then dropped.
 * A second signal exits the process at once.
 */
export async function interruptible<T>(work: Promise<T>, reason: () => Error): Promise<T> {
  let interruptedAt: number | undefined;
  let interrupt!: NodeJS.SignalsListener;
  const interrupted = new Promise<never>((_resolve, reject) => {
    interrupt = () => {
      if (interruptedAt !== undefined && performance.now() - interruptedAt > SAME_KEYPRESS_MS)
        process.exit(EXIT.interrupted);
      interruptedAt ??= performance.now();
      reject(reason());
    };
  });
  for (const name of SIGNALS) process.on(name, interrupt);
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    if (interruptedAt === undefined) for (const name of SIGNALS) process.off(name, interrupt);
  }
}
