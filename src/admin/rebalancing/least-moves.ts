/** A server that tenants are moved away from, or to. Loads are parts of everything, as weights are. */
interface Bin {
  readonly id: string;
  readonly weight: number;
  /** The weight that it may have at most. */
  readonly limit: number;
}

/** A tenant that may be moved. */
export interface Item {
  readonly id: string;
  readonly from: string;
  readonly weight: number;
  readonly bytes: number;
}

/** A tenant and where it goes. */
export interface Assignment {
  readonly item: Item;
  readonly to: string;
}

export interface LeastMoves {
  readonly moves: readonly Assignment[];
  /** What any such moves have at least: the bytes of these, where it is known that there are no fewer. */
  readonly leastBytes: number;
}

export interface MovesProblem {
  readonly bins: readonly Bin[];
  /** Only those of bins above their limit are moved. */
  readonly items: readonly Item[];
  /** Whether a bin can have the item besides its weight, with those that it has been given. */
  readonly fits: (bin: string, item: Item, given: readonly Item[]) => boolean;
}

/** Up to so many items all ways are tried; of more, the first ones of each bin, and how long. */
const MAX_EXACT_ITEMS = 24;
const MAX_SEARCHED_ITEMS = 120;
const MAX_STEPS = { few: 100_000, many: 20_000, bin: 4_000 };
const EPSILON = 1e-9;

/**
 * Finds moves after which no bin is above its limit, with the fewest bytes, and of those the fewest moves. Items go from bins above their limit to
 * others, and none goes further to make room. Of few items all ways are tried; of many, those are taken first that free the most per byte.
 *
 * @returns undefined when none was found
 */
export function leastMoves(problem: MovesProblem): LeastMoves | undefined {
  const state = new MovesState(problem);
  if (state.sources.every(({ excess }) => excess <= EPSILON)) return { moves: [], leastBytes: 0 };
  const count = state.sources.reduce((sum, { items }) => sum + items.length, 0);
  return count > MAX_EXACT_ITEMS ? fewOfMany(state) : fewest(state);
}

/** Tries all ways. */
function fewest(state: MovesState): LeastMoves | undefined {
  const leastBytes = state.lowerBound();
  const { moves, isComplete } = new Search(state, state.sources, undefined, MAX_STEPS.few, Infinity).run();
  return moves && { moves, leastBytes: isComplete ? bytesOf(moves) : leastBytes };
}

/** Solves one bin after another, the one that is the most above its limit first. */
function fewOfMany(state: MovesState): LeastMoves | undefined {
  const leastBytes = state.lowerBound();
  const all: Assignment[] = [];
  const steps = Math.min(MAX_STEPS.bin, MAX_STEPS.many / state.sources.length);
  for (const source of state.sources.toSorted((a, b) => b.excess - a.excess)) {
    const greedy = greedyMoves(state, source);
    if (!greedy) return undefined;
    const searched = { ...source, items: source.items.slice(0, MAX_SEARCHED_ITEMS) };
    const { moves = greedy } = new Search(state, [searched], greedy, steps, 1).run();
    for (const { item, to } of moves) state.move(source, item, to);
    all.push(...moves);
  }
  return { moves: all, leastBytes };
}

interface Source {
  readonly id: string;
  excess: number;
  /** Those that free the most per byte first. */
  readonly items: readonly Item[];
}

/** What has been moved so far. */
class MovesState {
  readonly sources: readonly Source[];
  private readonly room = new Map<string, number>();
  private readonly given = new Map<string, Item[]>();

  constructor(private readonly problem: MovesProblem) {
    const sources = problem.bins.filter(({ weight, limit }) => weight > limit + EPSILON);
    for (const { id, weight, limit } of problem.bins) if (weight <= limit + EPSILON) this.room.set(id, limit - weight);
    this.sources = sources.map(({ id, weight, limit }) => ({
      ...{ id, excess: weight - limit },
      items: problem.items
        .filter((item) => item.from === id && item.weight > 0 && this.hasGoal(item))
        .toSorted((a, b) => a.bytes / a.weight - b.bytes / b.weight || b.weight - a.weight),
    }));
  }

  private hasGoal(item: Item): boolean {
    return [...this.room].some(([id, room]) => item.weight <= room + EPSILON && this.problem.fits(id, item, []));
  }

  /** Bins that have room for the item, those with the most first. */
  goals(item: Item): string[] {
    const { fits } = this.problem;
    const open = [...this.room].filter(
      ([id, room]) => item.weight <= room + EPSILON && fits(id, item, this.given.get(id) ?? []),
    );
    return open.toSorted((a, b) => b[1] - a[1]).map(([id]) => id);
  }

  move(source: Source, item: Item, to: string): Assignment {
    source.excess -= item.weight;
    this.room.set(to, (this.room.get(to) ?? 0) - item.weight);
    const given = this.given.get(to) ?? [];
    given.push(item);
    this.given.set(to, given);
    return { item, to };
  }

  /** Takes the last move to a bin back. */
  undo(source: Source, { item, to }: Assignment): void {
    source.excess += item.weight;
    this.room.set(to, (this.room.get(to) ?? 0) + item.weight);
    this.given.get(to)?.pop();
  }

  /** The bytes that are needed at least: those of items that could be moved in parts. */
  lowerBound(): number {
    return this.sources.reduce((sum, { excess, items }) => sum + partialBytes(items, 0, excess), 0);
  }
}

function partialBytes(items: readonly Item[], from: number, excess: number): number {
  let [left, bytes] = [excess - EPSILON, 0];
  for (let n = from; n < items.length && left > 0; n += 1) {
    const { weight, bytes: all } = items[n]!;
    bytes += all * Math.min(1, left / weight);
    left -= weight;
  }
  return left > 0 ? Infinity : bytes;
}

/** Takes those that free the most per byte. The state is as before afterwards. */
function greedyMoves(state: MovesState, source: Source): readonly Assignment[] | undefined {
  const moves: Assignment[] = [];
  for (const item of source.items) {
    if (source.excess <= EPSILON) break;
    const [to] = state.goals(item);
    if (to !== undefined) moves.push(state.move(source, item, to));
  }
  const isSolved = source.excess <= EPSILON;
  for (const move of moves.toReversed()) state.undo(source, move);
  return isSolved ? moves : undefined;
}

/** Tries all ways to free bins, except those that cannot be better than the best one so far. The state is as before afterwards. */
class Search {
  private steps = 0;
  private readonly moves: Assignment[] = [];

  constructor(
    private readonly state: MovesState,
    private readonly sources: readonly Source[],
    private best: readonly Assignment[] | undefined,
    private readonly maxSteps: number,
    /** Goals that are tried for each item. */
    private readonly goals: number,
  ) {}

  run(): { readonly moves: readonly Assignment[] | undefined; readonly isComplete: boolean } {
    this.step(0, 0);
    return { moves: this.best, isComplete: this.steps <= this.maxSteps };
  }

  private step(source: number, item: number): void {
    this.steps += 1;
    if (this.steps > this.maxSteps) return;
    const current = this.sources[source];
    if (!current) {
      if (isBetter(this.moves, this.best)) this.best = [...this.moves];
      return;
    }
    if (current.excess <= EPSILON) return this.step(source + 1, 0);
    const next = current.items[item];
    if (!next || this.cannotImprove(source, item)) return;
    for (const to of this.state.goals(next).slice(0, this.goals)) {
      const move = this.state.move(current, next, to);
      this.moves.push(move);
      this.step(source, item + 1);
      this.moves.pop();
      this.state.undo(current, move);
    }
    this.step(source, item + 1);
  }

  private cannotImprove(source: number, item: number): boolean {
    const open = this.sources.slice(source);
    const needed = open.reduce((sum, { items, excess }, n) => sum + partialBytes(items, n === 0 ? item : 0, excess), 0);
    if (!Number.isFinite(needed)) return true;
    if (!this.best) return false;
    const [least, known] = [bytesOf(this.moves) + needed, bytesOf(this.best)];
    return least > known * (1 + EPSILON) || (least >= known && this.moves.length + 1 > this.best.length);
  }
}

function isBetter(moves: readonly Assignment[], than: readonly Assignment[] | undefined): boolean {
  if (!than) return true;
  const difference = bytesOf(moves) - bytesOf(than);
  return difference < 0 || (difference === 0 && moves.length < than.length);
}

function bytesOf(moves: readonly Assignment[]): number {
  return moves.reduce((sum, { item }) => sum + item.bytes, 0);
}
