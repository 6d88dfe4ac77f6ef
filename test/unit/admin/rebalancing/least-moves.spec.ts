import { describe, expect, it } from '@jest/globals';
import {
  type Assignment,
  type Item,
  leastMoves,
  type LeastMoves,
  type MovesProblem,
} from '../../../../src/admin/rebalancing/least-moves.js';
import { groupBy } from '../../../../src/platform/group-by.js';
import { seededRandom } from '../../../support/statements/seeded-random.js';

const bytesOf = (moves: readonly Assignment[]): number => moves.reduce((sum, { item }) => sum + item.bytes, 0);
const weightOf = (moves: readonly Assignment[]): number => moves.reduce((sum, { item }) => sum + item.weight, 0);

/** Whether no bin is above its limit after the moves, and each goes to a bin that was not, and that can have it. */
function solves({ bins }: MovesProblem, moves: readonly Assignment[]): boolean {
  return bins.every(({ id, weight, limit, maxItems = Infinity, maxBytes = Infinity }) => {
    const [gone, come] = [moves.filter(({ item }) => item.from === id), moves.filter(({ to }) => to === id)];
    const isFit = come.every(({ item }) => item.goals?.has(id) ?? true);
    const isEmptyEnough = come.length <= maxItems && bytesOf(come) <= maxBytes;
    const isLight = weight - weightOf(gone) + weightOf(come) <= limit + 1e-9;
    return isLight && (come.length === 0 || (isFit && isEmptyEnough && weight <= limit + 1e-9));
  });
}

/** Moves that are seen to solve the problem; undefined: none were found. */
function solved(problem: MovesProblem): LeastMoves | undefined {
  const found = leastMoves(problem);
  if (found) expect(solves(problem, found.moves)).toBe(true);
  return found;
}

/** All ways to move or to leave each item. */
function* allWays(items: readonly Item[], bins: readonly string[]): Generator<Assignment[]> {
  const [item, ...rest] = items;
  if (!item) return yield [];
  for (const others of allWays(rest, bins)) {
    yield others;
    for (const to of bins) yield [{ item, to }, ...others];
  }
}

function bruteForce(problem: MovesProblem): { readonly bytes: number; readonly count: number } | undefined {
  const goals = problem.bins.filter(({ weight, limit }) => weight <= limit + 1e-9).map(({ id }) => id);
  const movable = problem.items.filter(({ from }) => !goals.includes(from));
  let best: { bytes: number; count: number } | undefined;
  for (const moves of allWays(movable, goals)) {
    const [bytes, count] = [bytesOf(moves), moves.length];
    if (best && (bytes > best.bytes || (bytes === best.bytes && count >= best.count))) continue;
    if (solves(problem, moves)) best = { bytes, count };
  }
  return best;
}

function randomProblem(seed: number, bins: number, items: number, isTight: boolean): MovesProblem {
  const random = seededRandom(seed);
  const pick = (below: number): number => Math.floor(random() * below);
  const ids = Array.from({ length: bins }, (_, n) => `b${n}`);
  const all = Array.from({ length: items }, (_, n) => ({
    ...{ id: `i${n}`, from: ids[pick(Math.min(bins - 1, 2))]!, weight: 1 + pick(9) },
    bytes: pick(3) === 0 ? pick(4) : pick(1000),
    ...(isTight && { goals: new Set(ids.filter(() => random() < 0.75)) }),
  }));
  return {
    bins: ids.map((id) => {
      const own = all.filter(({ from }) => from === id).reduce((sum, { weight }) => sum + weight, 0);
      const weight = own + pick(4);
      const isSource = own > 0 && random() < 0.9;
      return {
        ...{ id, weight },
        limit: isSource ? weight - pick(weight) * 0.7 : weight + (isTight ? pick(items * 4) : 10_000),
        ...(isTight && random() < 0.4 && { maxItems: pick(items / 2) }),
        ...(isTight && random() < 0.4 && { maxBytes: pick(items * 80) + 0.5 }),
      };
    }),
    items: all,
  };
}

describe('moves with the fewest bytes', () => {
  it('are none where nothing is above its limit, and undefined where nothing helps', () => {
    const item = { id: 'i', from: 'a', weight: 5, bytes: 10 };
    const bins = [
      { id: 'a', weight: 5, limit: 5 },
      { id: 'b', weight: 0, limit: 5 },
    ];
    expect(leastMoves({ bins, items: [item] })).toEqual({ moves: [], leastBytes: 0 });
    const above = [{ ...bins[0]!, limit: 4 }, bins[1]!];
    expect(leastMoves({ bins: above, items: [item] })).toEqual({ moves: [{ item, to: 'b' }], leastBytes: 10 });
    expect(leastMoves({ bins: above, items: [{ ...item, goals: new Set() }] })).toBeUndefined();
    expect(leastMoves({ bins: [above[0]!, { ...bins[1]!, limit: 4 }], items: [item] })).toBeUndefined();
    for (const full of [{ maxItems: 0 }, { maxBytes: 9 }])
      expect(leastMoves({ bins: [above[0]!, { ...bins[1]!, ...full }], items: [item] })).toBeUndefined();
    const empty = { ...item, bytes: 0 };
    expect(leastMoves({ bins: [above[0]!, { ...bins[1]!, maxBytes: 0 }], items: [empty] })).toBeUndefined();
  });

  it.each(Array.from({ length: 300 }, (_, n) => n + 1))(
    'are those that trying all ways finds, and as few (%i)',
    (seed) => {
      const problem = randomProblem(seed, 2 + (seed % 3), 3 + (seed % 4), seed % 4 > 0);
      const found = solved(problem);
      const best = bruteForce(problem);
      expect(found && { bytes: bytesOf(found.moves), count: found.moves.length }).toEqual(best);
      if (found) expect(found.leastBytes).toBe(bytesOf(found.moves));
    },
  );

  it('of many items, bring few bytes more than any moves do at least, and 15 percent on the whole', () => {
    let [total, least] = [0, 0];
    for (let seed = 0; seed < 60; seed += 1) {
      const problem = randomProblem(seed, 3 + (seed % 20), seed < 30 ? 200 : 60, false);
      const { moves, leastBytes } = solved(problem)!;
      const sources = problem.bins.filter(({ weight, limit }) => weight > limit + 1e-9).length;
      expect(bytesOf(moves)).toBeGreaterThanOrEqual(leastBytes - 1e-6);
      expect(bytesOf(moves)).toBeLessThanOrEqual(leastBytes + sources * 1000);
      [total, least] = [total + bytesOf(moves), least + leastBytes];
    }
    expect(least).toBeGreaterThan(1_000);
    expect(total / least).toBeLessThan(1.15);
  });

  it('of many items, are found in most cases where there is little room', () => {
    const found = Array.from({ length: 40 }, (_, seed) => solved(randomProblem(seed, 3 + (seed % 8), 120, true)));
    expect(found.filter((each) => each && each.moves.length > 0).length).toBeGreaterThan(20);
  });

  it('of many items, are no more from one bin than are wanted', () => {
    const problem = randomProblem(2, 5, 200, false);
    const all = solved(problem)!;
    const from = (moves: readonly Assignment[]): number[] =>
      [...groupBy(moves, ({ item }) => item.from).values()].map(({ length }) => length);
    expect(Math.min(...from(all.moves))).toBeGreaterThan(3);
    const cut = leastMoves({ ...problem, maxMoves: 3 })!;
    expect([new Set(from(cut.moves)), cut.leastBytes]).toEqual([new Set([3]), 0]);
    expect(leastMoves({ ...problem, maxMoves: all.moves.length })).toEqual(all);
  });

  it('of ten times as many items, are found by looking at less than twenty times as many weights and sizes', () => {
    const looks = (count: number): number => {
      const random = seededRandom(1);
      let looked = 0;
      const items = Array.from({ length: count }, (_, n) => {
        const bytes = 1 + Math.floor(random() * 1_000);
        return {
          ...{ id: `i${n}`, from: 'full' },
          get weight() {
            looked += 1;
            return 1;
          },
          get bytes() {
            looked += 1;
            return bytes;
          },
        };
      });
      const bins = [
        { id: 'full', weight: count, limit: count / 2 },
        { id: 'empty', weight: 0, limit: count, maxItems: count, maxBytes: count * 1_000 },
      ];
      expect(leastMoves({ bins, items })!.moves).toHaveLength(count / 2);
      return looked;
    };
    expect(looks(20_000) / looks(2_000)).toBeLessThan(20);
  });
});
