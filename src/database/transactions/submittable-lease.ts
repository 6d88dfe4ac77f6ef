import type { EventEmitter } from 'node:events';
import type pg from 'pg';
import type { Lease } from './lease.js';
import { failSubmittable } from './submittable.js';

/**
 * Leases a connection for a cursor or stream that runs outside a transaction, and gives it back when the connection is
 * through with it. Never rejects: the submittable itself is told.
 */
export async function leaseForSubmittable(submittable: pg.Submittable, open: () => Promise<Lease>): Promise<void> {
  try {
    const lease = await open();
    await lease
      .submit(submittable)
      .finally(() => lease.commitOrRollback().catch((error: unknown) => reportCommitFailure(submittable, error)));
  } catch (error) {
    failSubmittable(submittable, error);
  }
}

/** Every row was read, but the `COMMIT` behind them failed, as a deferred constraint can make it. */
function reportCommitFailure(submittable: pg.Submittable, error: unknown): void {
  const emitter = submittable as unknown as EventEmitter;
  if (emitter.listenerCount('error') > 0) emitter.emit('error', error);
  else process.emitWarning(error instanceof Error ? error : String(error));
}
