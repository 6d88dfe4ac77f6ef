import type { Entry } from '../contract/entry.js';
import { LruMap } from './lru-map.js';

/** An entry in memory. Times are in ms of a monotonic clock. */
export interface MemoryEntry {
  readonly entry: Entry;
  /** Served without revalidation until then. */
  readonly freshUntil: number;
  /** Served until then while the source is unavailable. */
  readonly staleUntil: number;
  /** The feed generation in which it was last validated. */
  readonly generation: number;
}

/** The cached fact that a value does not exist. */
interface Absence {
  readonly until: number;
  readonly generation: number;
}

/** Far fewer than entries, and kept separately so that made-up names cannot evict real tenants. */
const MAX_ABSENCES = 1_000;

/** The memory tier: bounded, evicting the least recently used entries. */
export class MemoryTier {
  private readonly entries: LruMap<MemoryEntry>;
  private readonly absences = new LruMap<Absence>(MAX_ABSENCES);

  constructor(maxEntries: number) {
    this.entries = new LruMap(maxEntries);
  }

  get size(): number {
    return this.entries.size;
  }

  get(key: string): MemoryEntry | undefined {
    return this.entries.get(key);
  }

  set(key: string, entry: MemoryEntry): void {
    this.absences.delete(key);
    this.entries.set(key, entry);
  }

  isAbsent(key: string, now: number, generation: number): boolean {
    const absence = this.absences.get(key);
    return absence !== undefined && absence.generation === generation && now < absence.until;
  }

  setAbsent(key: string, until: number, generation: number): void {
    this.entries.delete(key);
    this.absences.set(key, { until, generation });
  }

  forgetAbsence(key: string): void {
    this.absences.delete(key);
  }

  clear(): void {
    this.entries.clear();
    this.absences.clear();
  }
}
