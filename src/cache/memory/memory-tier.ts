import type { Entry } from '../contract/entry.js';
import { LruMap } from './lru-map.js';

/** An entry in memory. Times are of a clock that never jumps. */
export interface HeldEntry {
  readonly entry: Entry;
  /** Served without a question until then. */
  readonly freshUntil: number;
  /** Served when the truth cannot be asked until then. */
  readonly staleUntil: number;
  /** Which spell of listening it was confirmed in. */
  readonly generation: number;
}

/** That something does not exist. */
interface Absence {
  readonly until: number;
  readonly generation: number;
}

/** Far fewer than entries, in a place of their own: names that somebody makes up must not push real tenants out. */
const ABSENCES = 1_000;

/** The memory tier: bounded, least recently used out first. */
export class MemoryTier {
  private readonly entries: LruMap<HeldEntry>;
  private readonly absences = new LruMap<Absence>(ABSENCES);

  constructor(maxEntries: number) {
    this.entries = new LruMap(maxEntries);
  }

  get size(): number {
    return this.entries.size;
  }

  get(key: string): HeldEntry | undefined {
    return this.entries.get(key);
  }

  set(key: string, held: HeldEntry): void {
    this.absences.delete(key);
    this.entries.set(key, held);
  }

  isAbsent(key: string, now: number, generation: number): boolean {
    const absence = this.absences.get(key);
    return absence !== undefined && absence.generation === generation && now < absence.until;
  }

  setAbsent(key: string, until: number, generation: number): void {
    this.entries.delete(key);
    this.absences.set(key, { until, generation: generation });
  }

  forgetAbsence(key: string): void {
    this.absences.delete(key);
  }

  clear(): void {
    this.entries.clear();
    this.absences.clear();
  }
}
