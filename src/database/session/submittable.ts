import type { EventEmitter } from 'node:events';
import type pg from 'pg';
import type { Lease } from './lease.js';
import { UnreadableSubmittableError } from './session.errors.js';

/** The parts of pg-cursor and pg-query-stream that matter here. */
interface SubmittableParts {
  readonly text?: unknown;
  readonly cursor?: { readonly text?: unknown };
  readonly destroyed?: boolean;
  destroy?(error: unknown): void;
  handleError?(error: unknown): void;
}

/** @throws UnreadableSubmittableError when the object does not say what it would run */
export function submittableText(submittable: pg.Submittable): string {
  const { text, cursor } = submittable as SubmittableParts;
  const found = text ?? cursor?.text;
  if (typeof found !== 'string') throw new UnreadableSubmittableError();
  return found;
}

/** Tells a cursor or stream that its connection could not be had. */
export function failSubmittable(submittable: pg.Submittable, error: unknown): void {
  const parts = submittable as SubmittableParts;
  if (parts.destroy) parts.destroy(error);
  else parts.handleError?.(error);
}

/**
 * Leases a connection for a cursor or stream that runs outside a transaction, and gives it back when the stream has
 * ended, failed or was destroyed by its reader. Never rejects: the submittable itself is told.
 */
export async function leaseForSubmittable(submittable: pg.Submittable, open: () => Promise<Lease>): Promise<void> {
  try {
    const lease = await open();
    const { destroyed } = submittable as SubmittableParts;
    if (!destroyed) {
      lease.submit(submittable);
      await settled(submittable);
    }
    await lease.end({ text: destroyed ? 'ROLLBACK' : 'COMMIT' });
  } catch (error) {
    failSubmittable(submittable, error);
  }
}

/** Readers may stop early, and a cursor has no `close` event: whichever of the three comes first. */
function settled(submittable: pg.Submittable): Promise<void> {
  const emitter = submittable as unknown as EventEmitter;
  return new Promise((resolve) => {
    for (const event of ['end', 'error', 'close']) emitter.once(event, () => resolve());
  });
}
