/**
 * Base class of every error this application raises deliberately.
 *
 * `code` is stable and part of the public contract. `message` is for people and never contains a secret or another
 * tenant's data. `http/problem.filter.ts` is the only place that maps codes to HTTP statuses.
 */
export abstract class CodedError extends Error {
  abstract readonly code: string;

  /** When set, the response asks the client to retry after this many seconds (`Retry-After`). */
  readonly retryAfterSeconds?: number;

  constructor(message: string, options?: { cause?: unknown; retryAfterSeconds?: number }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    if (options?.retryAfterSeconds !== undefined) this.retryAfterSeconds = options.retryAfterSeconds;
  }

  /**
   * The message shown to API clients. Override it when `message` names hosts or roles, which belong in the log only.
   */
  get publicMessage(): string {
    return this.message;
  }
}
