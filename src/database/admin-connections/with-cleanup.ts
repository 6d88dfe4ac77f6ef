/** Runs `cleanup` after `work`, whatever its outcome. If both fail, the work's error wins. */
export async function withCleanup<T>(work: () => Promise<T>, cleanup: () => Promise<void>): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await cleanup().catch(() => undefined); // most likely the same cause: a lost connection
    throw error;
  }
  await cleanup();
  return result;
}
