import { CodedError } from '../platform/errors/coded-error.js';

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'it is in use',
  EACCES: 'this user may not listen there',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'the host name is unknown',
};

/** Raised at start when the server cannot listen where it was told to. */
export class PortUnavailableError extends CodedError {
  readonly code = 'PORT_UNAVAILABLE';

  private constructor(host: string, port: number, reason: string, cause: unknown) {
    super(`cannot listen on port ${port} of ${host}: ${reason}; choose another with PORT (and HOST)`, { cause });
  }

  /** Undefined for errors that are not about the address. */
  static from(error: unknown, host: string, port: number): PortUnavailableError | undefined {
    const reason = REASONS[(error as NodeJS.ErrnoException).code ?? ''];
    return reason === undefined ? undefined : new PortUnavailableError(host, port, reason, error);
  }
}

/** Raised for work that reaches an instance which is about to end, over a connection made since. Another one does it. */
export class ShuttingDownError extends CodedError {
  readonly code = 'SHUTTING_DOWN';

  constructor() {
    super('this instance is shutting down', { retryAfterSeconds: 1 });
  }
}
