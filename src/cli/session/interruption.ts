import { EXIT } from '../terminal/failure.js';

/** Under npm one Ctrl-C arrives twice: from the terminal, and passed on by npm. */
const SAME_KEYPRESS_MS = 500;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * The outcome of `work`, or what `reason` says as soon as somebody presses Ctrl-C; what comes later is dropped. One more
 * Ctrl-C after that ends the process at once.
 */
export async function interruptible<T>(work: Promise<T>, reason: () => Error): Promise<T> {
  let since: number | undefined;
  let interrupt!: NodeJS.SignalsListener;
  const interrupted = new Promise<never>((_resolve, reject) => {
    interrupt = () => {
      if (since !== undefined && performance.now() - since > SAME_KEYPRESS_MS) process.exit(EXIT.interrupted);
      since ??= performance.now();
      reject(reason());
    };
  });
  for (const name of SIGNALS) process.on(name, interrupt);
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    if (since === undefined) for (const name of SIGNALS) process.off(name, interrupt);
  }
}
