import { describe, expect, it } from '@jest/globals';
import { KnownVersions } from '../../../../src/cache/tiers/known-versions.js';

describe('what was heard', () => {
  it('outdates what is older, and nothing else', () => {
    const heard = new KnownVersions(() => undefined);
    heard.observe('a', 3);
    expect([2, 3, 4].map((version) => heard.isOutdated('a', version))).toEqual([true, false, false]);
    expect(heard.isOutdated('b', 1)).toBe(false);
  });

  it('outdates everything known until now when the version went back', () => {
    const heard = new KnownVersions(() => undefined);
    heard.observe('a', 9);
    heard.observe('a', 1);
    expect(heard.isOutdated('a', 9)).toBe(true);
    heard.observe('a', 2);
    expect(heard.isOutdated('a', 10)).toBe(true);
  });

  it('is the same when it is heard twice', () => {
    const heard = new KnownVersions(() => undefined);
    heard.observe('a', 3);
    heard.observe('a', 3);
    expect(heard.isOutdated('a', 3)).toBe(false);
  });

  it('is bounded, and tells when it forgets', () => {
    let forgotten = 0;
    const heard = new KnownVersions(() => void (forgotten += 1));
    for (let n = 0; n <= 100_000; n += 1) heard.observe(`s${n}`, 1);
    expect(forgotten).toBe(1);
    expect(heard.of('s1')).toBe(0);
  });
});
