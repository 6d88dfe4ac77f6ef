import type pg from 'pg';
import type { WireResult, WireSubmittable } from '../statements/wire.js';
import { UnreadableSubmittableError } from './transaction.errors.js';

/** The relevant parts of node-postgres' `Query`, of pg-cursor, and of pg-query-stream, which wraps a cursor. */
export interface SubmittableParts extends Partial<WireSubmittable> {
  readonly cursor?: CursorParts;
  readonly destroyed?: boolean;
  text?: unknown;
  readonly listenerCount?: (event: string) => number;
  name?: string | undefined;
  queryMode?: string | undefined;
  callback?: ((error?: unknown, result?: unknown) => void) | undefined;
  _result?: WireResult;
  destroy?(error: unknown): void;
}

/** pg-cursor/index.js. */
export interface CursorParts extends SubmittableParts {
  state: string;
  /** The reads that wait until the portal is open. */
  readonly _queue: readonly unknown[];
  /** The callback of its pending `read`. */
  _cb: ((error: Error) => void) | null;
  _shiftQueue(): void;
  close(done?: (error: Error | null) => void): Promise<void> | undefined;
}

export function partsOf(submittable: pg.Submittable): SubmittableParts {
  return submittable as unknown as SubmittableParts;
}

/** Undefined for a `Query`, which reads on by itself. */
export function cursorOf(parts: SubmittableParts): CursorParts | undefined {
  return parts.cursor ?? ('close' in parts ? (parts as CursorParts) : undefined);
}

/** @throws UnreadableSubmittableError when the object does not expose the text that it would run */
export function textOf(parts: SubmittableParts): string {
  const found = parts.text ?? parts.cursor?.text;
  if (typeof found !== 'string') throw new UnreadableSubmittableError();
  return found;
}

/**
 * Gives an error to the callback or listener that waits for it. A `Query` and a stream emit `error` without asking whether
 * anything listens, which would end the process for all tenants.
 */
export function deliverError(parts: SubmittableParts, error: unknown, deliver: (error: unknown) => void): void {
  const isBareCursor = 'close' in parts;
  if (isBareCursor || parts.callback || (parts.listenerCount?.('error') ?? 1) > 0) return deliver(error);
  warnOf(error);
  parts.destroy?.(undefined);
}

/** Reports an error that no callback or listener receives. */
export function warnOf(error: unknown): void {
  process.emitWarning(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}
