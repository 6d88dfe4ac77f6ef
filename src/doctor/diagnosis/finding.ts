export type Verdict = 'ok' | 'warn' | 'fail';

/** One result of a check; one line of the doctor's output. */
export interface Finding {
  /** Name of the check, such as `login-role`. Stable, so that scripts can rely on it. */
  readonly check: string;
  readonly verdict: Verdict;
  /** Which server, tenant or variable the finding is about, where there are several. */
  readonly subject?: string;
  readonly message: string;
  /** How to fix it. */
  readonly remedy?: string;
}

export function ok(check: string, message: string, subject?: string): Finding {
  return { check, verdict: 'ok', message, ...(subject !== undefined && { subject }) };
}

/** Tenants are served, but this should be fixed. */
export function warn(check: string, message: string, remedy: string, subject?: string): Finding {
  return { check, verdict: 'warn', message, remedy, ...(subject !== undefined && { subject }) };
}

/** Tenants are not served or not isolated; the doctor exits with 1. */
export function fail(check: string, message: string, remedy: string, subject?: string): Finding {
  return { check, verdict: 'fail', message, remedy, ...(subject !== undefined && { subject }) };
}
