import { AsyncLocalStorage } from 'node:async_hooks';
import type { Usage } from '../database/statements/usage.js';

/** What travels with a piece of work and everything that it awaits. */
export interface Work {
  /** Where it counts what it asks of the database; undefined where nobody counts. */
  readonly usage: Usage | undefined;
  /** Who put the scope there, and is alone to read it. */
  readonly owner: object;
  /** Whom it works for: the owner's business, of which nothing is known here. */
  readonly scope: unknown;
}

/** The one store of the process: on Node 20 and 22 each further one makes every promise a quarter dearer. */
const storage = new AsyncLocalStorage<Work>();

export function runWork<T>(work: Work, run: () => T): T {
  return storage.run(work, run);
}

export function currentWork(): Work | undefined {
  return storage.getStore();
}
