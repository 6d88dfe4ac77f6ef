import { describe, expect, it } from '@jest/globals';
import {
  type Assignment,
  type Item,
  leastMoves,
  type MovesProblem,
} from '../../../../src/admin/rebalancing/least-moves.js';
import { seededRandom } from '../../../support/statements/seeded-random.js';

const bytesOf = (moves: readonly Assignment[]): number => moves.reduce((sum, { item }) => sum + item.bytes, 0);

/** Whether no bin is above its limit after the moves, and each goes to a bin that was not, and that can have it. */
function solves({ bins, fits }: MovesProblem, moves: readonly Assignment[]): boolean {
  const given = (id: string): Item[] => moves.filter(({ to }) => to === id).map(({ item }) => item);
  return bins.every(({ id, weight, limit }) => {
    const gone = moves.filter(({ item }) => item.from === id).reduce((sum, { item }) => sum + item.weight, 0);
    const all = given(id);
    const isFit = all.every((item, n) => fits(id, item, all.slice(0, n)));
    const come = all.reduce((sum, item) => sum + item.weight, 0);
    return weight - gone + come <= limit + 1e-9 && isFit && (all.length === 0 || weight <= limit + 1e-9);
  });
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
    ...{
      id: `i${n}`,
      from: ids[pick(Math.min(bins - 1, 2))]!,
      weight: 1 + pick(9),
      bytes: pick(3) === 0 ? pick(4) : pick(1000),
    },
  }));
  const refused = new Set(
    all.flatMap(({ id }) => ids.filter(() => isTight && random() < 0.25).map((bin) => `${bin} ${id}`)),
  );
  const most = new Map(ids.map((id) => [id, isTight && random() < 0.4 ? pick(3) : Infinity]));
  return {
    bins: ids.map((id) => {
      const own = all.filter(({ from }) => from === id).reduce((sum, { weight }) => sum + weight, 0);
      const weight = own + pick(4);
      const isSource = own > 0 && random() < 0.9;
      return { id, weight, limit: isSource ? weight - pick(weight) * 0.7 : weight + (isTight ? pick(20) : 10_000) };
    }),
    items: all,
    fits: (bin, item, given) => !refused.has(`${bin} ${item.id}`) && given.length < most.get(bin)!,
  };
}

describe('moves with the fewest bytes', () => {
  it('are none where nothing is above its limit, and undefined where nothing helps', () => {
    const item = { id: 'i', from: 'a', weight: 5, bytes: 10 };
    const fits = (): boolean => true;
    const bins = [
      { id: 'a', weight: 5, limit: 5 },
      { id: 'b', weight: 0, limit: 5 },
    ];
    expect(leastMoves({ bins, items: [item], fits })).toEqual({ moves: [], leastBytes: 0 });
    const above = [{ ...bins[0]!, limit: 4 }, bins[1]!];
    expect(leastMoves({ bins: above, items: [item], fits })).toEqual({ moves: [{ item, to: 'b' }], leastBytes: 10 });
    expect(leastMoves({ bins: above, items: [item], fits: () => false })).toBeUndefined();
    expect(leastMoves({ bins: [above[0]!, { ...bins[1]!, limit: 4 }], items: [item], fits })).toBeUndefined();
  });

  it.each(Array.from({ length: 300 }, (_, n) => n + 1))(
    'are those that trying all ways finds, and as few (%i)',
    (seed) => {
      const problem = randomProblem(seed, 2 + (seed % 3), 3 + (seed % 4), seed % 4 > 0);
      const found = leastMoves(problem);
      const best = bruteForce(problem);
      expect(found && { bytes: bytesOf(found.moves), count: found.moves.length }).toEqual(best);
      if (!found) return;
      expect(solves(problem, found.moves)).toBe(true);
      expect(found.leastBytes).toBe(bytesOf(found.moves));
    },
  );

  it.each(Array.from({ length: 40 }, (_, n) => n + 1))(
    'of many items, they are few more than any could have (%i)',
    (seed) => {
      const problem = randomProblem(seed, 3 + (seed % 20), 200, false);
      const found = leastMoves(problem);
      expect(found).toBeDefined();
      const { moves, leastBytes } = found!;
      expect(solves(problem, moves)).toBe(true);
      expect(bytesOf(moves)).toBeGreaterThanOrEqual(leastBytes - 1e-6);
      const sources = problem.bins.filter(({ weight, limit }) => weight > limit + 1e-9).length;
      expect(bytesOf(moves)).toBeLessThanOrEqual(leastBytes + sources * 1000);
    },
  );

  it.each(Array.from({ length: 20 }, (_, n) => n + 1))(
    'of many items and little room, they exceed no limit (%i)',
    (seed) => {
      const problem = randomProblem(seed, 3 + (seed % 8), 120, true);
      const found = leastMoves(problem);
      if (found) expect(solves(problem, found.moves)).toBe(true);
    },
  );

  it('of many items, are within 15 percent of what any have at least, on the whole', () => {
    const found = Array.from({ length: 60 }, (_, n) => leastMoves(randomProblem(n, 3 + (n % 5), 60, false))!);
    const total = found.reduce((sum, { moves }) => sum + bytesOf(moves), 0);
    const least = found.reduce((sum, { leastBytes }) => sum + leastBytes, 0);
    expect(least).toBeGreaterThan(1_000);
    expect(total / least).toBeLessThan(1.15);
  });
});
