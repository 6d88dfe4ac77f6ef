/** So many at once: the doctor must not be what uses a server up. */
const WIDTH = 8;

/** The outcomes in the order of the items, a few worked on at a time. */
export async function sideBySide<Item, Outcome>(
  items: readonly Item[],
  work: (item: Item) => Promise<Outcome>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      outcomes[index] = await work(items[index] as Item);
    }
  };
  await Promise.all(Array.from({ length: WIDTH }, lane));
  return outcomes;
}
