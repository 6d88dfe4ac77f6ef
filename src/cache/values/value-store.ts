import type { MemoryValues } from './memory-values.js';
import type { RedisValues } from './redis-values.js';

/** How long later callers wait for a read that another one has begun, in ms: one that never ends must not hold all of them. */
const SHARED_FOR_MS = 30_000;

/** While changes may be missed, a value in memory is used for this long, in ms, before Redis or its source is asked again. */
const UNANNOUNCED_TTL_MS = 250;

/** Where a missing value comes from. */
export interface ValueSource {
  /** Returns the value as JSON, or undefined when there is none. */
  readonly load: () => Promise<string | undefined>;
  readonly ttlMs: number;
}

/** A read in progress. */
interface Read {
  readonly namespace: string;
  readonly key: string;
  /** The value has changed since the read began: the result goes to its callers, and is not kept. */
  isOutdated: boolean;
}

interface SharedRead {
  readonly result: Promise<string | undefined>;
  readonly startedAt: number;
}

/** `away`: values expire there, or are removed when Redis is back and this process is still there. */
export const REDIS_OUTCOMES = ['cleared', 'away', 'unused'] as const;
export type RedisOutcome = (typeof REDIS_OUTCOMES)[number];

/** What has changed: some keys of a namespace, or all of them. */
export interface ValueChange {
  readonly namespace: string;
  readonly keys: readonly string[] | 'all';
}

/**
 * Values as JSON texts, in memory and in Redis, by namespace and key.
 *
 * Redis is what instances share; memory spares its round trip. A change is applied to both here, and the caller announces it
 * to other instances, which pass it to `changed`. A load that a change overtakes is not kept anywhere: in memory because the
 * announcement marks it, in Redis because the namespace has had more changes than when the load began.
 */
export class ValueStore {
  private readonly reads = new Set<Read>();
  /** Results of the reads that later callers share. */
  private readonly shared = new Map<string, SharedRead>();
  private isAnnounced = false;

  constructor(
    private readonly memory: MemoryValues,
    private readonly redis: RedisValues | undefined,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** The value; else what the source returns, which is kept. Concurrent callers of one key share one read of the source. */
  async read(namespace: string, key: string, source?: ValueSource): Promise<string | undefined> {
    const held = this.memory.get(namespace, key);
    if (held) return held.text;
    if (!source) return this.find({ namespace, key, isOutdated: false });
    const name = nameOf(namespace, key);
    const running = this.shared.get(name);
    if (running && this.now() - running.startedAt < SHARED_FOR_MS) return running.result;
    const result = this.find({ namespace, key, isOutdated: false }, source).finally(() => {
      if (this.shared.get(name) === read) this.shared.delete(name);
    });
    const read: SharedRead = { result, startedAt: this.now() };
    this.shared.set(name, read);
    return result;
  }

  async set(namespace: string, key: string, text: string, ttlMs: number): Promise<void> {
    this.outdate({ namespace, keys: [key] });
    this.keep(namespace, key, text, ttlMs);
    await this.redis?.set(namespace, key, text, ttlMs);
  }

  async delete(namespace: string, keys: readonly string[]): Promise<void> {
    this.outdate({ namespace, keys });
    await this.redis?.delete(namespace, keys);
  }

  /** @returns what became of the values in Redis */
  async clear(namespace: string): Promise<RedisOutcome> {
    this.outdate({ namespace, keys: 'all' });
    if (!this.redis) return 'unused';
    return (await this.redis.clear(namespace)) ? 'cleared' : 'away';
  }

  /** Another instance has announced a change. */
  changed(change: ValueChange): void {
    this.outdate(change);
    this.redis?.rememberIfAway(change.namespace, change.keys);
  }

  /** Changes of other instances may be missed from now on. */
  feedLost(): void {
    this.isAnnounced = false;
    this.forgetMemory();
  }

  /** Changes of other instances are received from now on. */
  feedRestored(): void {
    this.isAnnounced = true;
    this.forgetMemory();
  }

  private async find(read: Read, source?: ValueSource): Promise<string | undefined> {
    this.reads.add(read);
    try {
      return await this.findOutside(read, source);
    } finally {
      this.reads.delete(read);
    }
  }

  private async findOutside(read: Read, source?: ValueSource): Promise<string | undefined> {
    const { namespace, key } = read;
    const inRedis = await this.redis?.read(namespace, key);
    if (inRedis?.text !== undefined) {
      if (!read.isOutdated) this.keep(namespace, key, inRedis.text, inRedis.ttlMs);
      return inRedis.text;
    }
    const text = await source?.load();
    if (text === undefined || !source || read.isOutdated) return text;
    this.keep(namespace, key, text, source.ttlMs);
    if (inRedis) await this.redis?.fill(namespace, key, text, source.ttlMs, inRedis.changes);
    return text;
  }

  private keep(namespace: string, key: string, text: string, ttlMs: number): void {
    const usableMs = this.isAnnounced ? ttlMs : Math.min(ttlMs, UNANNOUNCED_TTL_MS);
    this.memory.set(namespace, key, { text, expiresAt: this.now() + usableMs });
  }

  private outdate({ namespace, keys }: ValueChange): void {
    if (keys === 'all') this.memory.clear(namespace);
    else for (const key of keys) this.memory.delete(namespace, key);
    this.outdateReads((read) => read.namespace === namespace && (keys === 'all' || keys.includes(read.key)));
  }

  private forgetMemory(): void {
    this.memory.clearAll();
    this.outdateReads(() => true);
  }

  /** Later callers begin a read that sees the change. */
  private outdateReads(isConcerned: (read: Read) => boolean): void {
    for (const read of this.reads) {
      if (!isConcerned(read)) continue;
      read.isOutdated = true;
      this.shared.delete(nameOf(read.namespace, read.key));
    }
  }
}

function nameOf(namespace: string, key: string): string {
  return `${namespace}:${key}`;
}
