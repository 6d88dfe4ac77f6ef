import { CodedError } from '../../platform/errors/coded-error.js';
import { PublicError } from '../../platform/errors/public-error.js';

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use',
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'the host name is unknown',
};

/** Raised at startup when the server cannot listen on the configured host and port. */
export class PortUnavailableError extends CodedError {
  readonly code = 'PORT_UNAVAILABLE';

  private constructor(host: string, port: number, reason: string, cause: unknown) {
    super(`cannot listen on ${host}, port ${port}: ${reason}; set PORT or HOST to another value`, { cause });
  }

  /** Returns undefined for errors that are not about the address. */
  static from(error: unknown, host: string, port: number): PortUnavailableError | undefined {
    const reason = REASONS[(error as NodeJS.ErrnoException).code ?? ''];
    return reason === undefined ? undefined : new PortUnavailableError(host, port, reason, error);
  }
}

/** Raised for a request over a connection opened after the shutdown began; another instance can serve it. */
export class ShuttingDownError extends PublicError {
  constructor() {
    super('SHUTTING_DOWN', 'this instance is shutting down', { retryAfterSeconds: 1 });
  }
}

/** Raised when a JSON body has more levels of arrays and objects than any request needs. */
export class JsonTooDeepError extends PublicError {
  constructor(maxDepth: number) {
    super('BAD_REQUEST', `the JSON body is nested more than ${maxDepth} levels deep`);
  }
}
