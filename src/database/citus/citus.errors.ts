import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when a command of the owner failed on workers of Citus. What it was is not named: it may contain keys. */
export class CitusWorkerError extends CodedError {
  readonly code = 'CITUS_WORKER_FAILED';

  /** @param workers `host:port` of each */
  constructor(
    readonly workers: readonly string[],
    reason: string,
  ) {
    super(`a command of the owner failed on ${workers.length} workers of Citus (${workers.join(', ')}): ${reason}`);
  }
}
