import { setTimeout as delay } from 'node:timers/promises';

/** Far beyond what is promised anywhere: a busy machine is no fault of what is tested. */
const LONGEST_MS = 20_000;

/** Asserts until it holds: for what takes effect a moment after its cause, and must in the end. */
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
