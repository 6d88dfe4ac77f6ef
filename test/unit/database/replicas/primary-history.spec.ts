import { expect, it } from '@jest/globals';
import { PrimaryHistory } from '../../../../src/database/replicas/primary-history.js';

const LINE = { system: '7', timeline: 1 };

it('a replica has the state of the last time at which the primary was not further than it', () => {
  const history = new PrimaryHistory();
  expect(history.freshAsOf(100n)).toBe(-Infinity);
  for (const [at, lsn] of [
    [1_000, 10n],
    [2_000, 20n],
    [3_000, 20n],
    [4_000, 30n],
  ] as const) {
    history.add(at, { ...LINE, lsn });
  }
  expect([9n, 10n, 19n, 20n, 29n, 30n, 99n].map((lsn) => history.freshAsOf(lsn))).toEqual([
    ...[-Infinity, 1_000, 1_000, 3_000, 3_000, 4_000, 4_000],
  ]);
});

it.each([
  { system: '7', timeline: 2 },
  { system: '8', timeline: 1 },
])('what was noted of another history says nothing (%j)', (line) => {
  const history = new PrimaryHistory();
  history.add(1_000, { ...LINE, lsn: 10n });
  history.add(2_000, { ...line, lsn: 50n });
  expect(history.freshAsOf(20n)).toBe(-Infinity);
  expect([history.system, history.timeline]).toEqual([line.system, line.timeline]);
});

it('five minutes are remembered, and not much more', () => {
  const history = new PrimaryHistory();
  for (let n = 0; n < 10_000; n += 1) history.add(n * 500, { ...LINE, lsn: BigInt(n) });
  expect(history.freshAsOf(9_999n - 600n)).toBe((9_999 - 600) * 500);
  expect(history.freshAsOf(9_999n - 1_500n)).toBe(-Infinity);
});
