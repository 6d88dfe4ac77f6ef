import { setTimeout as delay } from 'node:timers/promises';

/** Far beyond every documented limit, because the machine may be busy. */
const MAX_MS = 20_000;

/**
 * Repeats the assertion until it holds, for effects that follow their cause after a moment.
 *
 * @throws its last error after `maxMs`, by default 20 s
 */
export async function soon(assertion: () => Promise<void>, maxMs = MAX_MS): Promise<void> {
  const deadline = performance.now() + maxMs;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(10);
    }
  }
}
