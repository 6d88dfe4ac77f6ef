import { setNewest } from '../../platform/bounded-map.js';
import { BatchedQuery } from '../directory/batched-query.js';

/** How long a key is known not to exist: an id is made up by this installation, so that none is asked for before it exists. */
const ABSENT_MS = 5_000;
/** The one that was remembered longest ago is forgotten for a further one. */
const MAX_ABSENT = 10_000;

/**
 * Looks up values at each call, by keys that any caller can make up. One query runs at a time, on one of the catalog's
 * connections, and keys that are asked for meanwhile share the next one. A value is never older than the call; what does not
 * exist is remembered for some seconds.
 */
export class GuardedLookup<V> {
  private readonly query: BatchedQuery<V>;
  /** Key -> when to look again, in ms of the process's clock. */
  private readonly absent = new Map<string, number>();

  /** @param query reads the values of the keys; a key that is missing from the result does not exist */
  constructor(
    query: (keys: string[]) => Promise<Map<string, V>>,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.query = new BatchedQuery(query);
  }

  /** @returns null when there is no such value. @throws CatalogBusyError when too many keys are waiting; the query's error */
  async find(key: string): Promise<V | null> {
    if ((this.absent.get(key) ?? -Infinity) > this.now()) return null;
    const value = await this.query.find(key);
    if (value === null) setNewest(this.absent, key, this.now() + ABSENT_MS, MAX_ABSENT);
    return value;
  }
}
