/** One row of the table "What a failure looks like" in docs/operations.md, as a test of that failure measured it. */
export interface FaultRow {
  readonly fault: string;
  /** What tenants' callers got: statuses and codes, and how many of them. */
  readonly callers: string;
  /** `/health/ready`, and `/health/live` when that changed. */
  readonly probes: string;
  /** Log lines, metrics, `doctor` findings. */
  readonly operators: string;
  /** How long callers saw it, and how long until everything was as before. */
  readonly lasts: string;
}

/** Prints the row as Markdown, to be copied into the docs when it changes. */
export function printFaultRow({ fault, callers, probes, operators, lasts }: FaultRow): void {
  process.stdout.write(`\n| ${[fault, callers, probes, operators, lasts].join(' | ')} |\n`);
}
