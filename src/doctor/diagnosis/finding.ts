export type Verdict = 'ok' | 'warn' | 'fail';

/** What a check has found: one line for people. */
export interface Finding {
  /** `login-role`: what was looked at, and stays the same for scripts. */
  readonly check: string;
  readonly verdict: Verdict;
  /** Which one, where there are several: a server, a tenant, a variable. */
  readonly subject?: string;
  readonly message: string;
  /** What to do about it. */
  readonly remedy?: string;
}

export function ok(check: string, message: string, subject?: string): Finding {
  return { check, verdict: 'ok', message, ...(subject !== undefined && { subject }) };
}

/** Everything is served, and this should be looked after. */
export function warn(check: string, message: string, remedy: string, subject?: string): Finding {
  return { check, verdict: 'warn', message, remedy, ...(subject !== undefined && { subject }) };
}

export function fail(check: string, message: string, remedy: string, subject?: string): Finding {
  return { check, verdict: 'fail', message, remedy, ...(subject !== undefined && { subject }) };
}

/** Of an error, what may be read by whoever runs the doctor. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || (error as NodeJS.ErrnoException).code || error.name;
}
