import type { Command } from 'commander';
import type { TenantLimits } from '../../catalog/model/tenant-limits.js';
import { wholeNumber } from './values.js';

/** Limits as options of a command. */
export interface LimitOptions {
  readonly maxConcurrent?: number;
  readonly maxQueued?: number;
  readonly maxConnections?: number;
  readonly maxConcurrentJobs?: number;
  readonly requestsPerSecond?: number;
  readonly requestsPerDay?: number;
  readonly maxStoredBytes?: number;
  readonly maxStoredRows?: number;
  readonly backupRetentionDays?: number;
  readonly backupEveryHours?: number;
}

export function withLimitOptions(command: Command): Command {
  return command
    .option('--max-concurrent <n>', 'maximum number of concurrent statements', wholeNumber)
    .option('--max-queued <n>', 'maximum number of queued statements', wholeNumber)
    .option('--max-connections <n>', 'connections held at once, over all instances', wholeNumber)
    .option('--max-concurrent-jobs <n>', 'jobs run at once, over all instances', wholeNumber)
    .option('--backup-retention-days <n>', 'days for which backups are kept', wholeNumber)
    .option('--backup-every-hours <n>', 'hours between two scheduled backups', wholeNumber)
    .option('--max-stored-bytes <n>', 'bytes stored above which no rows are added', wholeNumber)
    .option('--max-stored-rows <n>', 'rows stored above which no rows are added', wholeNumber)
    .option('--requests-per-second <n>', 'requests admitted per second, over all instances', wholeNumber)
    .option('--requests-per-day <n>', 'requests admitted per day (UTC), over all instances', wholeNumber);
}

/** Those that are given. */
export function limitsOf({
  maxConcurrent,
  maxQueued,
  maxConnections,
  maxConcurrentJobs,
  ...named
}: LimitOptions): TenantLimits {
  const { requestsPerSecond, requestsPerDay, maxStoredBytes, maxStoredRows, backupRetentionDays, backupEveryHours } =
    named;
  return {
    ...(maxConcurrent !== undefined && { maxConcurrentStatements: maxConcurrent }),
    ...(maxQueued !== undefined && { maxQueuedStatements: maxQueued }),
    ...(maxConnections !== undefined && { maxConnections }),
    ...(maxConcurrentJobs !== undefined && { maxConcurrentJobs }),
    ...(requestsPerSecond !== undefined && { requestsPerSecond }),
    ...(requestsPerDay !== undefined && { requestsPerDay }),
    ...(maxStoredBytes !== undefined && { maxStoredBytes }),
    ...(maxStoredRows !== undefined && { maxStoredRows }),
    ...(backupRetentionDays !== undefined && { backupRetentionDays }),
    ...(backupEveryHours !== undefined && { backupEveryHours }),
  };
}

/** Rows of a description. */
export function describeLimits(limits: TenantLimits): (readonly [string, number | string])[] {
  return [
    ['max concurrent statements', limits.maxConcurrentStatements ?? 'default'],
    ['max queued statements', limits.maxQueuedStatements ?? 'default'],
    ['max connections, over all instances', limits.maxConnections ?? 'no limit'],
    ['max concurrent jobs, over all instances', limits.maxConcurrentJobs ?? 'no limit'],
    ['requests per second', limits.requestsPerSecond ?? 'no limit'],
    ['requests per day', limits.requestsPerDay ?? 'no limit'],
    ['stored bytes', limits.maxStoredBytes ?? 'no limit'],
    ['stored rows', limits.maxStoredRows ?? 'no limit'],
    ['backups are kept for days', limits.backupRetentionDays ?? 'default'],
    ['backups are made every hours', limits.backupEveryHours ?? 'default'],
  ];
}
