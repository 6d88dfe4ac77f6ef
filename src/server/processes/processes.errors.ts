import { CodedError } from '../../platform/errors/coded-error.js';

/** Raised when the process that is to start workers is itself a worker of another program, such as PM2 in cluster mode. */
export class NestedWorkersError extends CodedError {
  readonly code = 'NESTED_WORKERS';

  constructor() {
    super('WORKERS above 1 cannot be used in a process that is a worker of node:cluster itself: start it without');
  }
}

/** Raised when a worker ends before it listens for the first time. */
export class WorkerStartError extends CodedError {
  readonly code = 'WORKER_NOT_STARTED';

  /** @param hasReported whether the worker has printed the reason */
  constructor(
    worker: number,
    reason: string,
    readonly hasReported: boolean,
  ) {
    super(`worker ${worker} ended before it listened: ${reason}`);
  }
}

/** Raised when one worker after another ends soon after its start: another try would end in the same way. */
export class WorkerKeepsEndingError extends CodedError {
  readonly code = 'WORKER_KEEPS_ENDING';

  constructor(worker: number, times: number, reason: string) {
    super(`worker ${worker} has ended ${times} times in a row soon after its start, at last with ${reason}`);
  }
}

/** Raised in a worker that its primary does not start. */
export class PrimarySilentError extends CodedError {
  readonly code = 'PRIMARY_SILENT';

  constructor(timeoutMs: number) {
    super(`the primary has not started this worker within ${timeoutMs} ms`);
  }
}
