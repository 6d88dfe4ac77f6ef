/**
 * Overrides of the limits, a tenant's or a plan's; an absent one is the plan's, else the environment's. Apart from their schema, because
 * declarations of the package must not name its library.
 */
export interface TenantLimits {
  /** Connections of a target held at once, by one instance. */
  readonly maxConcurrentStatements?: number | undefined;
  /** Callers that may wait for a connection, in one instance. */
  readonly maxQueuedStatements?: number | undefined;
  /** Connections held at once, over all instances. */
  readonly maxConnections?: number | undefined;
  /** Jobs run at once, over all instances. */
  readonly maxConcurrentJobs?: number | undefined;
  /** Requests admitted per second, over all instances. */
  readonly requestsPerSecond?: number | undefined;
  /** Requests admitted per day (UTC), over all instances. */
  readonly requestsPerDay?: number | undefined;
  /** Bytes stored, as measured, from which on no rows are added. */
  readonly maxStoredBytes?: number | undefined;
  /** Rows stored, as measured, from which on no rows are added. */
  readonly maxStoredRows?: number | undefined;
  /** Days for which a backup is kept. */
  readonly backupRetentionDays?: number | undefined;
  /** Hours between two scheduled backups, at times of `BACKUP_EVERY`. */
  readonly backupEveryHours?: number | undefined;
}
