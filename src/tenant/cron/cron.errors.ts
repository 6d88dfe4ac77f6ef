import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised at the start for a `@TenantCron` that cannot run as it is written. */
export class InvalidCronError extends CodedError {
  readonly code = 'INVALID_CRON';
}

/** The failure of a tenant whose work had begun when its instance died; recorded, not raised. */
export const INTERRUPTED = {
  code: 'INTERRUPTED',
  message: 'its instance ended while the work was in progress',
} as const;
