import type { Lease } from './lease.js';
import type { Submission } from './submission.js';

/**
 * Leases a connection for a submission that runs outside a transaction, and releases it when it is done. Never rejects:
 * errors go to the submission itself.
 */
export async function leaseFor(submission: Submission, open: () => Promise<Lease>): Promise<void> {
  if (submission.hasEnded) return;
  try {
    const lease = await open();
    try {
      await lease.submit(submission);
    } finally {
      await lease.commitOrRollback().catch((error: unknown) => submission.reportLate(error));
    }
  } catch (error) {
    submission.fail(error);
  }
}
