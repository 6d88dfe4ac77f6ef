import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { QueryFailedError } from 'typeorm';
import { lockFailure, LockRetry } from '../../../../../src/database/table-migrations/locks/lock-retry.js';

function databaseError(code: string): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError('refused', 0, 'error'), { code });
}

/** Work that fails with these errors one after the other, then succeeds. */
function failingWith(...errors: unknown[]): { readonly work: () => Promise<string>; readonly runs: () => number } {
  let runs = 0;
  return {
    work: async () => {
      runs += 1;
      if (errors.length > 0) throw errors.shift();
      return 'done';
    },
    runs: () => runs,
  };
}

const always = (): boolean => true;

describe('a retry for locks', () => {
  it('succeeds once the locks are free, and reports every failed attempt', async () => {
    const attempts: number[] = [];
    const { work, runs } = failingWith(databaseError('55P03'), new QueryFailedError('', [], databaseError('40P01')));
    const retry = new LockRetry({ attempts: 3, onRetry: (attempt) => attempts.push(attempt) });
    expect(await retry.run(work, always)).toBe('done');
    expect(runs()).toBe(3);
    expect(attempts).toEqual([1, 2]);
  });

  it('fails with the last error after the given number of attempts', async () => {
    const last = databaseError('55P03');
    const { work, runs } = failingWith(databaseError('55P03'), last);
    await expect(new LockRetry({ attempts: 2 }).run(work, always)).rejects.toBe(last);
    expect(runs()).toBe(2);
  });

  it.each([
    ['another SQLSTATE', databaseError('23505')],
    ['an error that the server did not report', new Error('socket')],
  ])('does not repeat work that failed with %s', async (_what, error) => {
    const { work, runs } = failingWith(error);
    await expect(new LockRetry({ attempts: 5 }).run(work, always)).rejects.toBe(error);
    expect(runs()).toBe(1);
  });

  it('does not repeat work that must not be repeated', async () => {
    const { work, runs } = failingWith(databaseError('55P03'));
    await expect(new LockRetry({ attempts: 5 }).run(work, () => false)).rejects.toMatchObject({ code: '55P03' });
    expect(runs()).toBe(1);
  });

  it('ends during its pause when the signal is aborted', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const { work, runs } = failingWith(databaseError('55P03'), databaseError('55P03'));
    const onRetry = (): void => void setImmediate(() => stop.abort(reason));
    await expect(new LockRetry({ attempts: 5, signal: stop.signal, onRetry }).run(work, always)).rejects.toBe(reason);
    expect(runs()).toBe(1);
  });

  it('recognizes a lock failure wrapped by TypeORM', () => {
    const failure = databaseError('55P03');
    expect(lockFailure(new QueryFailedError('', [], failure))).toBe(failure);
    expect(lockFailure(Object.assign(new Error(), { code: '55P03' }))).toBeUndefined();
  });
});
