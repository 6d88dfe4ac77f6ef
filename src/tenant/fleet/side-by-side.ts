/**
 * Runs `work` for each item that the source yields, `concurrency` of them at the same time. After the first error, of the
 * source or of `work`, no further item is begun, and the error is thrown once all begun ones have ended.
 */
export async function runSideBySide<Item>(
  source: AsyncGenerator<Item, void, undefined>,
  concurrency: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const lane = async (): Promise<void> => {
    try {
      for (let next = await source.next(); !next.done; next = await source.next()) {
        if (failed.signal.aborted) return;
        await work(next.value);
      }
    } catch (error) {
      failed.abort();
      throw error;
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: concurrency }, lane));
  const rejected = outcomes.find((outcome) => outcome.status === 'rejected');
  if (rejected) throw rejected.reason;
}
