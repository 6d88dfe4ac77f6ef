const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Under npm one Ctrl-C arrives twice: from the terminal, and forwarded by npm. */
const SAME_KEYPRESS_MS = 500;

/**
 * Calls `stop` on the first SIGINT or SIGTERM; a second one exits the process at once.
 *
 * @returns ends that, as if it had not been called
 */
export function onStopSignal(stop: (signal: NodeJS.Signals) => void, secondExitCode: number): () => void {
  let firstAtMs: number | undefined;
  const receive = (signal: NodeJS.Signals): void => {
    if (firstAtMs !== undefined && performance.now() - firstAtMs > SAME_KEYPRESS_MS) process.exit(secondExitCode);
    if (firstAtMs !== undefined) return;
    firstAtMs = performance.now();
    stop(signal);
  };
  for (const name of SIGNALS) process.on(name, receive);
  return () => {
    for (const name of SIGNALS) process.off(name, receive);
  };
}
