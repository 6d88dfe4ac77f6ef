/**
 * Set by the primary for the processes that it starts. `cluster.isWorker` is not enough: process managers start their programs
 * as workers, too.
 */
export const WORKER_VARIABLE = 'TENANTRY_WORKER';

/** Whether the primary has started this process. Its own child processes are then none of the workers. */
export function isWorkerProcess(): boolean {
  const isWorker = process.env[WORKER_VARIABLE] !== undefined && process.send !== undefined;
  delete process.env[WORKER_VARIABLE];
  return isWorker;
}
