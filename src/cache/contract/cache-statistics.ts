import { Injectable } from '@nestjs/common';

/** What a cache has done since the start. Counts, except where the name says a unit. */
export interface CacheSnapshot {
  readonly entries: number;
  readonly memoryHits: number;
  readonly redisHits: number;
  readonly misses: number;
  /** Served after their time because the truth could not be asked. */
  readonly stale: number;
  readonly loads: number;
  readonly loadFailures: number;
  readonly loadMs: number;
  /** Redis did not answer, or said that it cannot. */
  readonly redisFailures: number;
  /** Values in Redis that did not open, did not parse or failed their schema: removed. */
  readonly redisRejected: number;
  /** Values in Redis older than what was heard, or put there before this instance listened. */
  readonly redisOutdated: number;
  /** Whether there is a connection to Redis now; undefined when it is not used at all. */
  readonly redisConnected: boolean | undefined;
  /** `off` when Redis is not used at all. */
  readonly redisBreaker: 'closed' | 'open' | 'half-open' | 'off';
}

@Injectable()
export class CacheStatistics {
  memoryHits = 0;
  redisHits = 0;
  misses = 0;
  stale = 0;
  loads = 0;
  loadFailures = 0;
  loadMs = 0;
  redisFailures = 0;
  redisRejected = 0;
  redisOutdated = 0;
}
