/** What a tenant has used. */
export interface UsageFigures {
  /** HTTP requests, and messages of sockets and microservices, of callers that were identified as the tenant's. */
  requests: number;
  /** Work outside of requests: calls of `TenantConnectionService.run` and `resume`. */
  runs: number;
  /** Requests answered with a status of 500 or more, messages and runs that failed. */
  errors: number;
  /** Time of requests and runs, in ms. */
  durationMs: number;
  /** Statements sent, and transactions and sessions begun. */
  statements: number;
  /** Time waited for connections, in ms. */
  waitMs: number;
  /** Time from sending statements to their answers, in ms. */
  databaseMs: number;
  /** Rows returned by selects; not those of cursors and streams. */
  rowsRead: number;
  /** Rows that were inserted, updated and deleted. */
  rowsWritten: number;
}

/** In the order of the catalog's columns. */
export const USAGE_FIELDS = [
  'requests',
  'runs',
  'errors',
  'durationMs',
  'statements',
  'waitMs',
  'databaseMs',
  'rowsRead',
  'rowsWritten',
] as const satisfies readonly (keyof UsageFigures)[];

export function noUsage(): UsageFigures {
  return {
    requests: 0,
    runs: 0,
    errors: 0,
    durationMs: 0,
    statements: 0,
    waitMs: 0,
    databaseMs: 0,
    rowsRead: 0,
    rowsWritten: 0,
  };
}

export function addUsage(sum: UsageFigures, figures: Readonly<UsageFigures>): void {
  for (const field of USAGE_FIELDS) sum[field] += figures[field];
}

export function subtractUsage(sum: UsageFigures, figures: Readonly<UsageFigures>): void {
  for (const field of USAGE_FIELDS) sum[field] -= figures[field];
}
