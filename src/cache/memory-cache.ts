import type { Cache, Loader } from './cache.js';

export interface MemoryCacheOptions {
  readonly ttlMs: number;
  /** How long an absence is remembered. */
  readonly absenceTtlMs: number;
  readonly maxEntries: number;
  /** Milliseconds; only differences matter. */
  readonly now: () => number;
}

interface Entry {
  readonly value: object | null;
  readonly expiresAt: number;
}

/** The memory tier: bounded, least recently used out first. */
export class MemoryCache implements Cache {
  // A Map keeps insertion order: the first key is the one not used for longest.
  private readonly entries = new Map<string, Entry>();
  private readonly loads = new Map<string, Promise<object | null>>();

  constructor(private readonly options: MemoryCacheOptions) {}

  peek<T extends object>(key: string): T | null | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    this.entries.delete(key);
    if (entry.expiresAt <= this.options.now()) return undefined;
    this.entries.set(key, entry);
    return entry.value as T | null;
  }

  async getOrLoad<T extends object>(key: string, load: Loader<T>): Promise<T | null> {
    const held = this.peek<T>(key);
    if (held !== undefined) return held;
    const running = this.loads.get(key) ?? this.startLoad(key, load);
    return (await running) as T | null;
  }

  delete(key: string): void {
    this.entries.delete(key);
    this.loads.delete(key);
  }

  clear(): void {
    this.entries.clear();
    this.loads.clear();
  }

  private startLoad(key: string, load: Loader<object>): Promise<object | null> {
    const running: Promise<object | null> = this.load(key, load, () => this.loads.get(key) === running);
    this.loads.set(key, running);
    return running;
  }

  private async load(key: string, load: Loader<object>, isCurrent: () => boolean): Promise<object | null> {
    try {
      const value = await load();
      // Forgotten while it was being loaded: what was read may be older than the change that made us forget.
      if (isCurrent()) this.store(key, value);
      return value;
    } finally {
      if (isCurrent()) this.loads.delete(key);
    }
  }

  private store(key: string, value: object | null): void {
    const { ttlMs, absenceTtlMs, maxEntries, now } = this.options;
    this.entries.set(key, { value, expiresAt: now() + (value === null ? absenceTtlMs : ttlMs) });
    if (this.entries.size <= maxEntries) return;
    const [oldest] = this.entries.keys();
    if (oldest !== undefined) this.entries.delete(oldest);
  }
}
