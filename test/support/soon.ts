import { setTimeout as delay } from 'node:timers/promises';

const LONGEST_MS = 5_000;

/** Asserts until it holds: for what takes effect a moment after its cause, and must within 5 s. */
export async function soon(assertion: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + LONGEST_MS;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(10);
    }
  }
}
