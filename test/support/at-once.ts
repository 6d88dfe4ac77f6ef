/** Whether the promise settles without anything happening outside the process: before the event loop's next turn. */
export async function settlesAtOnce(promise: Promise<unknown>): Promise<boolean> {
  const settled = promise.then(
    () => true,
    () => true,
  );
  const nextTurn = new Promise<false>((resolve) => void setImmediate(resolve, false));
  return Promise.race([settled, nextTurn]);
}
