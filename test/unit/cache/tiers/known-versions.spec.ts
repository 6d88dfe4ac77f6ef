import { describe, expect, it } from '@jest/globals';
import { KnownVersions } from '../../../../src/cache/tiers/known-versions.js';

describe('the known versions of subjects', () => {
  it('outdate older values of the same subject only', () => {
    const known = new KnownVersions(() => undefined);
    known.observe('a', 3);
    expect([2, 3, 4].map((version) => known.isOutdated('a', version))).toEqual([true, false, false]);
    expect(known.isOutdated('b', 1)).toBe(false);
  });

  it('outdate every earlier value of a subject whose version went backwards', () => {
    const known = new KnownVersions(() => undefined);
    known.observe('a', 9);
    known.observe('a', 1);
    expect(known.isOutdated('a', 9)).toBe(true);
    known.observe('a', 2);
    expect(known.isOutdated('a', 10)).toBe(true);
  });

  it('outdate what is known so far when the same version is announced again: it is another change', () => {
    const known = new KnownVersions(() => undefined);
    known.observe('a', 3);
    expect(known.isOutdated('a', 3)).toBe(false);
    known.observe('a', 3);
    expect(known.isOutdated('a', 3)).toBe(true);
  });

  it('are bounded, and notify their owner when they forget some', () => {
    let forgotten = 0;
    const known = new KnownVersions(() => void (forgotten += 1));
    for (let n = 0; n <= 100_000; n += 1) known.observe(`s${n}`, 1);
    expect(forgotten).toBe(1);
    expect(known.of('s1')).toBe(0);
  });
});
