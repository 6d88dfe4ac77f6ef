import { groupBy } from '../../platform/group-by.js';

/** A server that tenants are moved away from, or to. Loads are parts of everything, as weights are. */
interface Bin {
  readonly id: string;
  readonly weight: number;
  /** The weight that it may have at most. */
  readonly limit: number;
  /** The items and the bytes that it may be given; absent: as many as there are. Without bytes left, it gets not even an empty item. */
  readonly maxItems?: number;
  readonly maxBytes?: number;
}

/** A tenant that may be moved. */
export interface Item {
  readonly id: string;
  readonly from: string;
  readonly weight: number;
  readonly bytes: number;
  /** Bins that may have it; absent: all of them. */
  readonly goals?: ReadonlySet<string>;
}

/** A tenant and where it goes. */
export interface Assignment {
  readonly item: Item;
  readonly to: string;
}

export interface LeastMoves {
  readonly moves: readonly Assignment[];
  /** What any such moves have at least: the bytes of these, where it is known that there are no fewer. 0 where `maxMoves` has left some out. */
  readonly leastBytes: number;
}

export interface MovesProblem {
  readonly bins: readonly Bin[];
  /** Only those of bins above their limit are moved. */
  readonly items: readonly Item[];
  /** Of many items, no more are moved from one bin, which then stays above its limit. Default: as many as it takes. */
  readonly maxMoves?: number;
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
 * Its time grows with items times bins.
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
  const { moves, isComplete } = new Search(state, state.sources, undefined, MAX_STEPS.few, 'all').run();
  return moves && { moves, leastBytes: isComplete ? bytesOf(moves) : leastBytes };
}

/** Solves one bin after another, the one that is the most above its limit first. */
function fewOfMany(state: MovesState): LeastMoves | undefined {
  let leastBytes = state.lowerBound();
  const all: Assignment[] = [];
  const steps = Math.min(MAX_STEPS.bin, MAX_STEPS.many / state.sources.length);
  for (const source of state.sources.toSorted((a, b) => b.excess - a.excess)) {
    const greedy = greedyMoves(state, source);
    if (!greedy) return undefined;
    let moves = greedy.moves;
    if (greedy.isCut) leastBytes = 0;
    else {
      const searched = { ...source, items: source.items.slice(0, MAX_SEARCHED_ITEMS) };
      moves = new Search(state, [searched], moves, steps, 'first').run().moves ?? moves;
    }
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

/** A bin that items are moved to, and what it can still be given. */
interface Goal {
  readonly id: string;
  room: number;
  items: number;
  bytes: number;
}

/** What has been moved so far. */
class MovesState {
  readonly sources: readonly Source[];
  readonly maxMoves: number;
  private readonly open = new Map<string, Goal>();

  constructor({ bins, items, maxMoves = Infinity }: MovesProblem) {
    this.maxMoves = maxMoves;
    const sources = bins.filter(({ weight, limit }) => weight > limit + EPSILON);
    for (const { id, weight, limit, maxItems = Infinity, maxBytes = Infinity } of bins) {
      const room = limit - weight;
      if (room >= -EPSILON) this.open.set(id, { id, room, items: maxItems, bytes: maxBytes });
    }
    const bySource = groupBy(items, ({ from }) => from);
    this.sources = sources.map(({ id, weight, limit }) => ({
      ...{ id, excess: weight - limit },
      items: (bySource.get(id) ?? [])
        .filter((item) => item.weight > 0 && this.goal(item) !== undefined)
        .toSorted((a, b) => a.bytes / a.weight - b.bytes / b.weight || b.weight - a.weight),
    }));
  }

  /** Bins that can have the item, those with the most room first. */
  goals(item: Item): string[] {
    const goals = [...this.open.values()].filter((goal) => canHave(goal, item));
    return goals.toSorted((a, b) => b.room - a.room).map(({ id }) => id);
  }

  /** The first of them. */
  goal(item: Item): string | undefined {
    let best: Goal | undefined;
    for (const goal of this.open.values()) if ((!best || goal.room > best.room) && canHave(goal, item)) best = goal;
    return best?.id;
  }

  move(source: Source, item: Item, to: string): Assignment {
    this.give(source, item, to, 1);
    return { item, to };
  }

  /** Takes a move back. */
  undo(source: Source, { item, to }: Assignment): void {
    this.give(source, item, to, -1);
  }

  private give(source: Source, { weight, bytes }: Item, to: string, sign: 1 | -1): void {
    source.excess -= sign * weight;
    const goal = this.open.get(to)!;
    goal.room -= sign * weight;
    goal.items -= sign;
    goal.bytes -= sign * bytes;
  }

  /** The bytes that are needed at least: those of items that could be moved in parts. */
  lowerBound(): number {
    return this.sources.reduce((sum, { excess, items }) => sum + partialBytes(items, 0, excess), 0);
  }
}

function canHave({ id, room, items, bytes }: Goal, item: Item): boolean {
  if (item.weight > room + EPSILON || items <= 0 || bytes <= 0 || item.bytes > bytes) return false;
  return item.goals?.has(id) ?? true;
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
function greedyMoves(
  state: MovesState,
  source: Source,
): { readonly moves: readonly Assignment[]; readonly isCut: boolean } | undefined {
  const moves: Assignment[] = [];
  for (const item of source.items) {
    if (source.excess <= EPSILON || moves.length === state.maxMoves) break;
    const to = state.goal(item);
    if (to !== undefined) moves.push(state.move(source, item, to));
  }
  const isSolved = source.excess <= EPSILON;
  for (const move of moves.toReversed()) state.undo(source, move);
  const isCut = !isSolved && moves.length === state.maxMoves;
  return isSolved || isCut ? { moves, isCut } : undefined;
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
    /** Of each item: all, or the one with the most room. */
    private readonly goals: 'all' | 'first',
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
    for (const to of this.goalsOf(next)) {
      const move = this.state.move(current, next, to);
      this.moves.push(move);
      this.step(source, item + 1);
      this.moves.pop();
      this.state.undo(current, move);
    }
    this.step(source, item + 1);
  }

  private goalsOf(item: Item): readonly string[] {
    return this.goals === 'all' ? this.state.goals(item) : [this.state.goal(item) ?? []].flat();
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
