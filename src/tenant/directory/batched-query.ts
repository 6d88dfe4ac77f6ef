import { CatalogBusyError } from '../../catalog/catalog.errors.js';

/** Maximum number of keys per query. */
const MAX_BATCH = 1_000;
/** Maximum number of keys waiting for a query. */
const MAX_WAITING = 50_000;
/** Average time between the starts of two queries. */
const INTERVAL_MS = 10;
/** Number of queries that may start without a pause after an idle time. */
const BURST = 10;

interface PendingLookup<V> {
  readonly promise: Promise<V | null>;
  resolve(value: V | null): void;
  reject(reason: unknown): void;
}

/**
 * Combines lookups of single keys into few queries: one query runs at a time, and the keys requested meanwhile share
 * the next one. So, after an initial burst, the catalog receives at most a hundred queries per second of each kind,
 * however many names a client makes up.
 */
export class BatchedQuery<V> {
  private pending = new Map<string, PendingLookup<V>>();
  private isRunning = false;
  /** Start of the next query if all of them were evenly spaced, in ms of the process's clock. */
  private dueAt = -Infinity;

  /** @param query reads the values of the keys; a key that is missing from the result does not exist */
  constructor(private readonly query: (keys: string[]) => Promise<Map<string, V>>) {}

  /**
   * Returns the key's value, null when it does not exist.
   *
   * @throws CatalogBusyError when too many keys are waiting; the query's error
   */
  async find(key: string): Promise<V | null> {
    const known = this.pending.get(key);
    if (known) return known.promise;
    if (this.pending.size >= MAX_WAITING) throw new CatalogBusyError();
    const lookup = withResolvers<V>();
    this.pending.set(key, lookup);
    if (!this.isRunning) this.schedule();
    return lookup.promise;
  }

  private schedule(): void {
    this.isRunning = true;
    const delayMs = this.dueAt - (BURST - 1) * INTERVAL_MS - performance.now();
    if (delayMs <= 0) void this.run();
    else setTimeout(() => void this.run(), delayMs);
  }

  private async run(): Promise<void> {
    const batch = this.takeBatch();
    this.dueAt = Math.max(this.dueAt, performance.now()) + INTERVAL_MS;
    try {
      const found = await this.query([...batch.keys()]);
      for (const [key, { resolve }] of batch) resolve(found.get(key) ?? null);
    } catch (error) {
      for (const { reject } of batch.values()) reject(error);
    }
    this.isRunning = false;
    if (this.pending.size > 0) this.schedule();
  }

  private takeBatch(): Map<string, PendingLookup<V>> {
    const batch = new Map([...this.pending].slice(0, MAX_BATCH));
    for (const key of batch.keys()) this.pending.delete(key);
    return batch;
  }
}

function withResolvers<V>(): PendingLookup<V> {
  let settle: Pick<PendingLookup<V>, 'resolve' | 'reject'> | undefined;
  const promise = new Promise<V | null>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...(settle as unknown as Pick<PendingLookup<V>, 'resolve' | 'reject'>) };
}
