import type { Loaded, Loader } from '../contract/cache.js';
import { LoadTimeoutError } from '../contract/cache.errors.js';
import type { CacheStatistics } from '../contract/cache-statistics.js';
import { DeadlineError, withDeadline } from '../../platform/timeout.js';
import { CodedError } from '../../platform/errors/coded-error.js';
import type { KnownVersions } from './known-versions.js';

/** A change may overtake a load; so often it is loaded before what was read is given to those who wait. */
const LOADS = 3;

/** What the truth said, and how new that is. */
export interface SourceResult<T extends object> extends Loaded<T> {
  /** Wall clock when it was asked for, in ms: what is said may be as old as that, whenever it arrives. */
  readonly askedAt: number;
  /**
   * The change that it is known to be no older than. Above its own version when that went back, as it does when a row is
   * deleted and put back or the catalog is restored.
   */
  readonly noOlderThan: number;
}

/** Asks the truth on behalf of the cache: in time, counted, and again when a change was heard meanwhile. */
export class SourceLoader {
  constructor(
    private readonly knownVersions: KnownVersions,
    private readonly statistics: CacheStatistics,
    private readonly clocks: { readonly now: () => number; readonly wallClock: () => number },
  ) {}

  /** @throws LoadTimeoutError, or what the loader throws */
  async read<T extends object>(name: string, load: Loader<T>, timeoutMs: number): Promise<SourceResult<T> | null> {
    const startedAt = this.clocks.now();
    try {
      return await withDeadline(this.readUntilCurrent(load), timeoutMs);
    } catch (error) {
      throw error instanceof DeadlineError ? new LoadTimeoutError(name) : error;
    } finally {
      this.statistics.loadMs += this.clocks.now() - startedAt;
    }
  }

  private async readUntilCurrent<T extends object>(load: Loader<T>): Promise<SourceResult<T> | null> {
    let heardBefore = { subject: '', version: 0 };
    for (let count = 1; ; count += 1) {
      this.statistics.loads += 1;
      const askedAt = this.clocks.wallClock();
      const loaded = await load();
      if (!loaded) return null;
      // What was heard before it was asked for is in it, whatever its number says.
      const known = heardBefore.subject === loaded.subject ? heardBefore.version : 0;
      const noOlderThan = Math.max(loaded.version, known);
      const heard = this.knownVersions.of(loaded.subject);
      if (noOlderThan >= heard || count === LOADS) return { ...loaded, askedAt, noOlderThan };
      heardBefore = { subject: loaded.subject, version: heard };
    }
  }
}

/** Whether the truth could not be asked. What else a loader throws is its answer. */
export function isOutage(error: unknown): boolean {
  return !(error instanceof CodedError) || error.code === 'CATALOG_UNAVAILABLE';
}
