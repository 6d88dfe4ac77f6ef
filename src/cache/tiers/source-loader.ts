import type { Loaded, Loader } from '../contract/cache.js';
import { LoadTimeoutError } from '../contract/cache.errors.js';
import type { CacheStatistics } from '../contract/cache-statistics.js';
import { DeadlineError, withDeadline } from '../../platform/timeout.js';
import { CodedError } from '../../platform/errors/coded-error.js';
import { RecentLatency } from '../recent-latency.js';
import type { KnownVersions } from './known-versions.js';

/** A change may overtake a load. After this many attempts the last result is returned to the waiting callers anyway. */
const MAX_ATTEMPTS = 3;

/** A value read from the source, and how recent it is. */
export interface SourceResult<T extends object> extends Loaded<T> {
  /** When the load started, in ms of the process's clock: the value may be as old as that, whenever it arrives. */
  readonly requestedAt: number;
  /**
   * The newest announced version that the value is known to include. Above its own version when that went back, as it
   * does when a row is deleted and re-created or the catalog is restored.
   */
  readonly effectiveVersion: number;
}

/** Loads values from the source for the cache: with a timeout, counted, and again when a change overtakes the load. */
export class SourceLoader {
  private readonly latency = new RecentLatency();

  constructor(
    private readonly knownVersions: KnownVersions,
    private readonly statistics: CacheStatistics,
    private readonly now: () => number,
  ) {}

  /** How long a load takes, in ms; 0 while that is not known. */
  get typicalMs(): number {
    return this.latency.typicalMs;
  }

  /** @throws LoadTimeoutError, or the loader's error */
  async load<T extends object>(name: string, loader: Loader<T>, timeoutMs: number): Promise<SourceResult<T> | null> {
    const startedAt = this.now();
    try {
      return await withDeadline(this.loadUntilCurrent(loader), timeoutMs);
    } catch (error) {
      throw error instanceof DeadlineError ? new LoadTimeoutError(name) : error;
    } finally {
      const tookMs = this.now() - startedAt;
      this.statistics.loadMs += tookMs;
      this.latency.add(tookMs);
    }
  }

  private async loadUntilCurrent<T extends object>(loader: Loader<T>): Promise<SourceResult<T> | null> {
    let announcedBefore = { subject: '', version: 0 };
    for (let attempt = 1; ; attempt += 1) {
      this.statistics.loads += 1;
      const requestedAt = this.now();
      const loaded = await loader();
      if (!loaded) return null;
      // Changes announced before the load started are in its result, whatever the row's version is.
      const included = announcedBefore.subject === loaded.subject ? announcedBefore.version : 0;
      const effectiveVersion = Math.max(loaded.version, included);
      const announced = this.knownVersions.of(loaded.subject);
      if (effectiveVersion >= announced || attempt === MAX_ATTEMPTS)
        return { ...loaded, requestedAt, effectiveVersion };
      announcedBefore = { subject: loaded.subject, version: announced };
    }
  }
}

/** Whether the source is unavailable. Any other error of a loader is the source's answer. */
export function isOutage(error: unknown): boolean {
  return !(error instanceof CodedError) || error.code === 'CATALOG_UNAVAILABLE';
}
