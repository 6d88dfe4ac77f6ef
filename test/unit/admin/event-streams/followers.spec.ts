import { beforeEach, describe, expect, it } from '@jest/globals';
import { NEVER, Subject, type Subscription } from 'rxjs';
import { Followers } from '../../../../src/admin/event-streams/followers.js';

const BERTA = { id: 'berta' };
const ADMIN_KEY = { id: null };

let followers: Followers;

/** @returns the subscription, or the message of the error */
function follow(operator: { id: string | null }): Subscription | string {
  let refused: string | undefined;
  const subscription = followers
    .admit(operator, () => NEVER)
    .subscribe({ error: ({ code, publicMessage }) => (refused = `${code}: ${publicMessage}`) });
  return refused ?? subscription;
}

const followTimes = (times: number, operator: { id: string | null }): (Subscription | string)[] =>
  Array.from({ length: times }, () => follow(operator));

beforeEach(() => {
  followers = new Followers(20, 'event streams of usage');
});

describe('the followers of an instance', () => {
  it('are a quarter of all at most for one operator, and others still follow', () => {
    const [first] = followTimes(5, { id: 'anna' });
    expect(follow({ id: 'anna' })).toBe(
      'TOO_MANY_FOLLOWERS: you already follow 5 event streams of usage of this instance',
    );
    expect(typeof follow(BERTA)).toBe('object');
    (first as Subscription).unsubscribe();
    expect(typeof follow({ id: 'anna' })).toBe('object');
  });

  it('are limited for all together, with the admin key too', () => {
    const own = followTimes(20, ADMIN_KEY);
    expect(own.some((one) => typeof one === 'string')).toBe(false);
    const full = 'TOO_MANY_FOLLOWERS: this instance already serves 20 event streams of usage';
    expect([follow(ADMIN_KEY), follow(BERTA)]).toEqual([full, full]);
    (own[0] as Subscription).unsubscribe();
    expect(typeof follow(BERTA)).toBe('object');
  });

  it('are counted until their stream ends, breaks or cannot begin, and refused ones not at all', () => {
    for (let n = 0; n < 100; n += 1) {
      const [ending, breaking] = [new Subject<void>(), new Subject<void>()];
      followers.admit(BERTA, () => ending).subscribe();
      followers.admit(BERTA, () => breaking).subscribe({ error: () => undefined });
      const fail = (): never => {
        throw new Error('no stream');
      };
      followers.admit(BERTA, fail).subscribe({ error: () => undefined });
      ending.complete();
      breaking.error(new Error('broken'));
    }
    const streams = followTimes(100, BERTA);
    expect(streams.filter((one) => typeof one === 'object').length).toBe(5);
  });
});
