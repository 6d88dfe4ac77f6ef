/** Marks the errors of every copy of this package in the process. */
export const CODED_ERROR = Symbol.for('tenantry/coded-error');

/** What an error of this package has besides its message. */
export interface CodedErrorOptions {
  readonly cause?: unknown;
  /** When set, the response asks the client to retry after this many seconds (`Retry-After`). */
  readonly retryAfterSeconds?: number;
  /** The message for API clients, when `message` names hosts or roles, which belong in the log only. */
  readonly publicMessage?: string;
}

/**
 * What every error that Tenantry raises deliberately is: `error instanceof CodedError` holds for `PublicError` too.
 *
 * `code` is stable and part of the public contract. `message` is for people and never contains a secret or another
 * tenant's data. Direct subclasses are failures of the server; what a client can act upon is a `PublicError`.
 */
export abstract class CodedError extends Error {
  abstract readonly code: string;
  readonly retryAfterSeconds?: number;
  readonly publicMessage: string;

  constructor(message: string, { cause, retryAfterSeconds, publicMessage = message }: CodedErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.publicMessage = publicMessage;
    if (retryAfterSeconds !== undefined) this.retryAfterSeconds = retryAfterSeconds;
  }

  /** @internal */
  get [CODED_ERROR](): true {
    return true;
  }

  /** @internal */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return isCodedError(value) && (this === CodedError || isOfClass(value, this));
  }
}

/** Whether this package has raised it deliberately: this copy of it, or another one in the process. */
export function isCodedError(value: unknown): value is CodedError {
  return value instanceof Error && CODED_ERROR in value;
}

/**
 * Whether a class of an error is this one, or the same class in another copy of this package: a process may load it as an ES
 * module and as CommonJS.
 */
export function isOfClass(error: object, { name }: { readonly name: string }): boolean {
  for (let proto: unknown = error; isCodedError(proto); proto = Object.getPrototypeOf(proto)) {
    if (Object.hasOwn(proto, 'constructor') && proto.constructor.name === name) return true;
  }
  return false;
}
