import { CatalogBusyError } from '../../catalog/catalog.errors.js';

/** Keys that one statement asks for at most. */
const LARGEST_BATCH = 1_000;
/** Keys that wait for their turn at most. */
const MAX_WAITING = 50_000;
/** Between the beginnings of two statements, on average. */
const PAUSE_MS = 10;
/** So many may begin without a pause when there was none for a while. */
const BURST = 10;

interface Asked<V> {
  readonly promise: Promise<V | null>;
  resolve(value: V | null): void;
  reject(reason: unknown): void;
}

/**
 * Answers single questions with few statements: one is under way at a time, and what is asked meanwhile goes together
 * with the next. So the catalog sees at most a hundred statements a second of each kind, besides the first few, however
 * many names somebody makes up.
 */
export class BatchedQuery<V> {
  private asked = new Map<string, Asked<V>>();
  private isRunning = false;
  /** When the next one would begin, if all of them had kept their pause. */
  private dueAt = -Infinity;

  /** @param query what is known of the keys; keys without an answer do not exist */
  constructor(private readonly query: (keys: string[]) => Promise<Map<string, V>>) {}

  /** @throws CatalogBusyError when more is asked than is answered */
  async find(key: string): Promise<V | null> {
    const known = this.asked.get(key);
    if (known) return known.promise;
    if (this.asked.size >= MAX_WAITING) throw new CatalogBusyError();
    const asked = withResolvers<V>();
    this.asked.set(key, asked);
    if (!this.isRunning) this.schedule();
    return asked.promise;
  }

  private schedule(): void {
    this.isRunning = true;
    const pauseMs = this.dueAt - (BURST - 1) * PAUSE_MS - performance.now();
    if (pauseMs <= 0) void this.run();
    else setTimeout(() => void this.run(), pauseMs);
  }

  private async run(): Promise<void> {
    const batch = this.takeBatch();
    this.dueAt = Math.max(this.dueAt, performance.now()) + PAUSE_MS;
    try {
      const found = await this.query([...batch.keys()]);
      for (const [key, { resolve }] of batch) resolve(found.get(key) ?? null);
    } catch (error) {
      for (const { reject } of batch.values()) reject(error);
    }
    this.isRunning = false;
    if (this.asked.size > 0) this.schedule();
  }

  private takeBatch(): Map<string, Asked<V>> {
    const batch = new Map([...this.asked].slice(0, LARGEST_BATCH));
    for (const key of batch.keys()) this.asked.delete(key);
    return batch;
  }
}

function withResolvers<V>(): Asked<V> {
  let settle: Pick<Asked<V>, 'resolve' | 'reject'> | undefined;
  const promise = new Promise<V | null>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...(settle as unknown as Pick<Asked<V>, 'resolve' | 'reject'>) };
}
