import { NoTestRunnerError } from './isolation.errors.js';

/** What tests are registered with: that of Jest, Vitest, `node:test` and others. */
export interface TestRunner {
  /** Groups tests. */
  readonly describe: (title: string, register: () => void) => unknown;
  /** Registers one test. */
  readonly it: (title: string, test: () => Promise<void>, timeoutMs: number) => unknown;
}

/**
 * The globals of Jest and Vitest; otherwise `node:test`, unless another runner has left out its globals.
 *
 * @throws NoTestRunnerError
 */
export function detectRunner(): TestRunner {
  const { describe, it } = globalThis as Partial<TestRunner>;
  if (typeof describe === 'function' && typeof it === 'function') return { describe, it };
  if (process.env['JEST_WORKER_ID'] !== undefined || process.env['VITEST'] !== undefined) throw new NoTestRunnerError();
  const node = process.getBuiltinModule('node:test');
  return {
    describe: (title, register) => void node.describe(title, register),
    it: (title, test, timeout) => void node.it(title, { timeout }, test),
  };
}
