import type { PoolSnapshot } from './pool-snapshot.js';
import type { CloseReason } from '../connection/physical-connection.js';
import { WaitHistogram } from './wait-histogram.js';

/** Event counters of a pool since it was created. */
export class PoolStatistics {
  readonly waits = new WaitHistogram();
  opened = 0;
  openFailures = 0;
  timeouts = 0;
  /** Callers rejected because their tenant's queue was full. */
  refused = 0;
  fallbacks = 0;
  /** Reads sent again because a slow statement was in front of them on a shared connection. */
  resent = 0;
  private readonly closed: Partial<Record<CloseReason, number>> = {};

  countClosed(reason: CloseReason): void {
    this.closed[reason] = (this.closed[reason] ?? 0) + 1;
  }

  snapshot(): Pick<
    PoolSnapshot,
    'waits' | 'opened' | 'openFailures' | 'closed' | 'timeouts' | 'refused' | 'fallbacks' | 'resent'
  > {
    const { opened, openFailures, timeouts, refused, fallbacks, resent } = this;
    return {
      waits: this.waits.snapshot(),
      opened,
      openFailures,
      closed: { ...this.closed },
      timeouts,
      refused,
      fallbacks,
      resent,
    };
  }
}
