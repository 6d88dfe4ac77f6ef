import { Injectable } from '@nestjs/common';
import type { BreakerState } from '../../platform/breaker.js';

/** The cache's counters since the start. Counts, unless the name has a unit. */
export interface CacheSnapshot {
  readonly entries: number;
  readonly memoryHits: number;
  readonly redisHits: number;
  readonly misses: number;
  /** Expired entries served because the source was unavailable. */
  readonly stale: number;
  readonly loads: number;
  readonly loadFailures: number;
  readonly loadMs: number;
  /** Commands that Redis did not answer in time, or answered with an error. */
  readonly redisFailures: number;
  /** Redis values that could not be decrypted or parsed, or failed their schema: removed. */
  readonly redisRejected: number;
  /** Redis values older than an announced version, or written before this instance received changes: ignored. */
  readonly redisOutdated: number;
  /** Whether Redis is connected; undefined when Redis is not used. */
  readonly redisConnected: boolean | undefined;
  /** `off` when Redis is not used. */
  readonly redisBreaker: BreakerState | 'off';
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
