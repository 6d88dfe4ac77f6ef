import type { EventEmitter } from 'node:events';
import type pg from 'pg';
import type { Lease } from './lease.js';
import { failSubmittable } from './submittable.js';

/**
 * Leases a connection for a cursor or stream that runs outside a transaction, and releases it when the cursor or stream
 * is done. Never rejects: errors go to the submittable itself.
 */
export async function leaseForSubmittable(submittable: pg.Submittable, open: () => Promise<Lease>): Promise<void> {
  try {
    const lease = await open();
    try {
      await lease.submit(submittable);
    } finally {
      await lease.commitOrRollback().catch((error: unknown) => reportCommitFailure(submittable, error));
    }
  } catch (error) {
    failSubmittable(submittable, error);
  }
}

/** All rows were delivered, but the final `COMMIT` failed, for example over a deferred constraint. */
function reportCommitFailure(submittable: pg.Submittable, error: unknown): void {
  const emitter = submittable as unknown as EventEmitter;
  if (emitter.listenerCount('error') > 0) emitter.emit('error', error);
  else process.emitWarning(error instanceof Error ? error : String(error));
}
