import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { QueryFailedError } from 'typeorm';
import { lockFailure, LockRetry } from '../../../../src/database/table-migrations/lock-retry.js';

function refusal(code: string): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError('refused', 0, 'error'), { code });
}

/** Fails with these one after the other, then succeeds. */
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

describe('trying again for locks', () => {
  it('succeeds when the locks are free at last, and tells each time that they were not', async () => {
    const told: number[] = [];
    const { work, runs } = failingWith(refusal('55P03'), new QueryFailedError('', [], refusal('40P01')));
    const retry = new LockRetry({ attempts: 3, onRetry: (attempt) => told.push(attempt) });
    expect(await retry.run(work, always)).toBe('done');
    expect(runs()).toBe(3);
    expect(told).toEqual([1, 2]);
  });

  it('ends with the last failure after so many attempts', async () => {
    const last = refusal('55P03');
    const { work, runs } = failingWith(refusal('55P03'), last);
    await expect(new LockRetry({ attempts: 2 }).run(work, always)).rejects.toBe(last);
    expect(runs()).toBe(2);
  });

  it.each([
    ['another refusal', refusal('23505')],
    ['no refusal of the server', new Error('socket')],
  ])('is not for %s', async (_what, error) => {
    const { work, runs } = failingWith(error);
    await expect(new LockRetry({ attempts: 5 }).run(work, always)).rejects.toBe(error);
    expect(runs()).toBe(1);
  });

  it('is not for what may not be repeated', async () => {
    const { work, runs } = failingWith(refusal('55P03'));
    await expect(new LockRetry({ attempts: 5 }).run(work, () => false)).rejects.toMatchObject({ code: '55P03' });
    expect(runs()).toBe(1);
  });

  it('ends in its pause when the signal says so', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const { work, runs } = failingWith(refusal('55P03'), refusal('55P03'));
    const onRetry = (): void => void setImmediate(() => stop.abort(reason));
    await expect(new LockRetry({ attempts: 5, signal: stop.signal, onRetry }).run(work, always)).rejects.toBe(reason);
    expect(runs()).toBe(1);
  });

  it('knows a refusal about locks also behind TypeORM', () => {
    const failure = refusal('55P03');
    expect(lockFailure(new QueryFailedError('', [], failure))).toBe(failure);
    expect(lockFailure(Object.assign(new Error(), { code: '55P03' }))).toBeUndefined();
  });
});
