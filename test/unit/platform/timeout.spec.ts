import { describe, expect, it } from '@jest/globals';
import { DeadlineError, endsWithin, withDeadline } from '../../../src/platform/timeout.js';

const never = new Promise<void>(() => undefined);
const failure = new Error('out of paper');

describe('work with a time limit', () => {
  it('returns its result, or whether it was done', async () => {
    expect(await withDeadline(Promise.resolve(3), 60_000)).toBe(3);
    expect(await endsWithin(Promise.resolve(), 60_000)).toBe(true);
  });

  it('is no longer waited for after the limit', async () => {
    await expect(withDeadline(never, 1)).rejects.toBeInstanceOf(DeadlineError);
    expect(await endsWithin(never, 1)).toBe(false);
  });

  it('rejects with its own error, also when that is the end of a limit of its own', async () => {
    await expect(withDeadline(Promise.reject(failure), 60_000)).rejects.toBe(failure);
    const own = new DeadlineError(1);
    await expect(endsWithin(Promise.reject(own), 60_000)).rejects.toBe(own);
  });
});
