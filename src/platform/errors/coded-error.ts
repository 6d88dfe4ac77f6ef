/**
 * Base of every error this application raises on purpose.
 *
 * `code` is stable and part of the public contract; `message` is for people and never carries a secret or a value
 * that another tenant must not see. The HTTP status of a code is decided in one place, `http/problem.filter.ts`.
 */
export abstract class CodedError extends Error {
  abstract readonly code: string;

  /** When set, the caller is told to come back after this many seconds (`Retry-After`). */
  readonly retryAfterSeconds?: number;

  constructor(message: string, options?: { cause?: unknown; retryAfterSeconds?: number }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    if (options?.retryAfterSeconds !== undefined) this.retryAfterSeconds = options.retryAfterSeconds;
  }

  /** What a caller may read. Where the message names hosts and roles, it is for the log, and this says less. */
  get publicMessage(): string {
    return this.message;
  }
}
