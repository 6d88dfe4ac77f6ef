import { LruMap } from '../memory/lru-map.js';

/** A cached value as JSON: callers parse it, so that none can change what another one receives. */
export interface CachedText {
  readonly text: string;
  /** In ms of the process's clock. */
  readonly expiresAt: number;
}

interface Held extends CachedText {
  readonly bytes: number;
}

export interface MemoryLimits {
  readonly maxEntriesPerNamespace: number;
  /** Of the JSON texts of all namespaces. */
  readonly maxBytes: number;
}

/** The part of `maxBytes` that one namespace may have. */
const NAMESPACE_SHARE = 1 / 4;
/** What an entry takes besides its text, in bytes: rather too much than too little. */
const OVERHEAD_BYTES = 300;

/** One namespace's values. The least recently used goes first. */
class Namespace {
  readonly entries: LruMap<Held>;
  bytes = 0;

  constructor(maxEntries: number) {
    this.entries = new LruMap(maxEntries, ({ bytes }) => void (this.bytes -= bytes));
  }
}

/** Values in memory: bounded for each namespace, so that none can evict another's, and in all. */
export class MemoryValues {
  private readonly namespaces = new Map<string, Namespace>();
  private bytes = 0;

  constructor(
    private readonly limits: MemoryLimits,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get(name: string, key: string): CachedText | undefined {
    const held = this.namespaces.get(name)?.entries.get(key);
    if (!held) return undefined;
    if (held.expiresAt > this.now()) return held;
    this.delete(name, key);
    return undefined;
  }

  set(name: string, key: string, { text, expiresAt }: CachedText): void {
    const bytes = Buffer.byteLength(text) + OVERHEAD_BYTES;
    this.delete(name, key);
    if (bytes > this.limits.maxBytes * NAMESPACE_SHARE) return;
    this.changeOf(name, (namespace) => {
      namespace.entries.set(key, { text, expiresAt, bytes });
      namespace.bytes += bytes;
      while (namespace.bytes > this.limits.maxBytes * NAMESPACE_SHARE) namespace.entries.deleteOldest();
    });
    this.evict(name);
  }

  delete(name: string, key: string): void {
    if (this.namespaces.has(name)) this.changeOf(name, ({ entries }) => entries.delete(key));
  }

  clear(name: string): void {
    this.bytes -= this.namespaces.get(name)?.bytes ?? 0;
    this.namespaces.delete(name);
  }

  clearAll(): void {
    this.namespaces.clear();
    this.bytes = 0;
  }

  /** A change makes a namespace the most recently changed one: the last to be evicted. */
  private changeOf(name: string, change: (namespace: Namespace) => void): void {
    const namespace = this.namespaces.get(name) ?? new Namespace(this.limits.maxEntriesPerNamespace);
    const before = namespace.bytes;
    change(namespace);
    this.bytes += namespace.bytes - before;
    this.namespaces.delete(name);
    if (namespace.entries.size > 0) this.namespaces.set(name, namespace);
  }

  /** Whole namespaces, those first that have not changed for longest. */
  private evict(changed: string): void {
    for (const name of this.namespaces.keys()) {
      if (this.bytes <= this.limits.maxBytes || name === changed) return;
      this.clear(name);
    }
  }
}
