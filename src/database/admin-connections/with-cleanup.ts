/** Runs `cleanup` after `work`, whatever its outcome. When both fail, it is work's error that is told. */
export async function withCleanup<T>(work: () => Promise<T>, cleanup: () => Promise<void>): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await cleanup().catch(() => undefined); // most likely for the same reason: the connection is gone
    throw error;
  }
  await cleanup();
  return result;
}
