import { type Labels, labelsText, lackingLabels } from '../../catalog/model/labels.js';
import type { Isolation } from '../../catalog/model/tenant.js';
import { groupBy } from '../../platform/group-by.js';
import { FleetScale } from '../placement/fleet-scale.js';
import { chooseServer, exclusionOf, type PlacementServer, withTenant } from '../placement/server-choice.js';
import { type Item, leastMoves, type LeastMoves } from './least-moves.js';

/** A tenant that may be moved, and what it weighs. */
export interface MovableTenant {
  readonly id: string;
  readonly slug: string;
  readonly serverId: string;
  readonly isolation: Isolation;
  /** That its server must have; null: any server will do. */
  readonly labels: Labels | null;
  /** Null: never measured, taken for average. */
  readonly bytes: number | null;
  readonly databaseMs: number;
}

export interface RebalanceFacts {
  readonly servers: readonly PlacementServer[];
  readonly tenants: readonly MovableTenant[];
  /** Whether the owner of a server may not make what the isolation needs. */
  readonly lacksRights: (serverId: string, isolation: Isolation) => boolean;
}

export interface RebalanceOptions {
  /** The load that no server is to exceed: 1 is its fair part. */
  readonly goal: number;
  readonly maxMoves: number;
}

export interface ProposedMove {
  readonly tenant: MovableTenant;
  readonly from: PlacementServer;
  readonly to: PlacementServer;
  readonly bytes: number;
  /** `load`: the server has more than the goal allows; `labels`: it lacks labels that the tenant wants. */
  readonly reason: 'load' | 'labels';
}

interface ServerLoads {
  readonly server: PlacementServer;
  readonly before: number;
  readonly after: number;
}

export interface RebalancePlan {
  /** In the order in which they help the most. */
  readonly moves: readonly ProposedMove[];
  /** Of the servers that are not draining, by name. */
  readonly loads: readonly ServerLoads[];
  /** Whether no server is above the goal after the moves. */
  readonly reachesGoal: boolean;
  /** Of the moves because of load, and what any have at least that bring the fullest server as far. */
  readonly loadBytes: number;
  readonly leastLoadBytes: number;
}

/** How often the goal is approached where it cannot be reached: in a large fleet, each time takes a while. */
const APPROACHES = { usual: 8, large: 2 };
const LARGE_FLEET = 5_000;

/**
 * Proposes moves: of tenants whose server lacks labels that they want, to the server with the most room that has them; then from servers whose load
 * is above the goal to others, with the fewest bytes. Draining servers are left out: they are emptied.
 */
export function planRebalance(facts: RebalanceFacts, { goal, maxMoves }: RebalanceOptions): RebalancePlan {
  const fleet = new Fleet(facts);
  const byLabels = fleet.moveMisplaced(maxMoves);
  const movesLeft = maxMoves - byLabels.length;
  const solution = movesLeft === 0 ? NO_MOVES : fleet.bestWithin(goal, movesLeft);
  const byLoad = fleet.proposed(solution.moves);
  const moves = [...byLabels, ...fleet.inOrder(byLoad, movesLeft)];
  const loads = fleet.loads(moves);
  const isWhole = moves.length === byLabels.length + byLoad.length;
  const loadBytes = sum(moves.filter(({ reason }) => reason === 'load').map(({ bytes }) => bytes));
  return {
    ...{ moves, loads, loadBytes },
    reachesGoal: loads.every(({ after }) => after <= goal + 1e-9),
    leastLoadBytes: isWhole ? Math.min(solution.leastBytes, loadBytes) : 0,
  };
}

const NO_MOVES: LeastMoves = { moves: [], leastBytes: 0 };

/** Its bytes are known, or the average of those that are. */
type WeighedTenant = MovableTenant & { readonly bytes: number };

class Fleet {
  private readonly scale: FleetScale;
  private readonly before: readonly PlacementServer[];
  private readonly tenants: ReadonlyMap<string, WeighedTenant>;
  private readonly moved = new Set<string>();
  private readonly servers: Map<string, PlacementServer>;
  private readonly admitted = new Map<string, ReadonlySet<string>>();

  constructor(private readonly facts: RebalanceFacts) {
    const measured = facts.tenants.flatMap(({ bytes }) => bytes ?? []);
    const average = measured.length === 0 ? 0 : Math.round(sum(measured) / measured.length);
    const unmeasured = groupBy(
      facts.tenants.filter(({ bytes }) => bytes === null),
      ({ serverId }) => serverId,
    );
    this.before = facts.servers
      .filter(({ draining }) => !draining)
      .map((server) => ({ ...server, bytes: server.bytes + average * (unmeasured.get(server.id)?.length ?? 0) }));
    this.servers = new Map(this.before.map((server) => [server.id, server]));
    this.scale = new FleetScale(this.before);
    const tenants = facts.tenants.filter(({ serverId }) => this.servers.has(serverId));
    this.tenants = new Map(tenants.map((tenant) => [tenant.id, { ...tenant, bytes: tenant.bytes ?? average }]));
  }

  /** Moves tenants whose server lacks their labels, if another has them and room. */
  moveMisplaced(maxMoves: number): ProposedMove[] {
    const moves: ProposedMove[] = [];
    for (const tenant of this.tenants.values()) {
      if (moves.length === maxMoves) break;
      const from = this.server(tenant.serverId);
      if (lackingLabels(tenant.labels ?? {}, from.labels).length === 0) continue;
      const to = this.roomiest(tenant);
      if (!to) continue;
      const move: ProposedMove = { tenant, from, to, bytes: tenant.bytes, reason: 'labels' };
      this.moved.add(tenant.id);
      makeMove(this.servers, move);
      moves.push(move);
    }
    return moves;
  }

  /** The fewest bytes for the goal; where it cannot be reached, for the least load that can be. */
  bestWithin(goal: number, maxMoves: number): LeastMoves {
    const items = this.items();
    const direct = this.solve(items, goal, maxMoves);
    if (direct) return direct;
    let best = NO_MOVES;
    let [low, high] = [goal, Math.max(...this.loadsOf(this.servers), 0)];
    const approaches = this.tenants.size > LARGE_FLEET ? APPROACHES.large : APPROACHES.usual;
    for (let n = 0; n < approaches; n += 1) {
      const middle = (low + high) / 2;
      const found = this.solve(items, middle, maxMoves);
      if (found) [best, high] = [found, middle];
      else low = middle;
    }
    return best;
  }

  proposed(moves: LeastMoves['moves']): ProposedMove[] {
    return moves.map(({ item, to }) => {
      const tenant = this.tenants.get(item.id)!;
      return { tenant, from: this.server(item.from), to: this.server(to), bytes: item.bytes, reason: 'load' };
    });
  }

  /** Always one of the server that is the fullest at that point, with the most weight for its bytes. */
  inOrder(moves: readonly ProposedMove[], maxMoves: number): ProposedMove[] {
    const weighed = moves.map((move) => ({ move, weight: this.weightOf({ ...move.tenant, bytes: move.bytes }) }));
    const byBytes = weighed.toSorted((a, b) => a.move.bytes / a.weight - b.move.bytes / b.weight);
    const queues = [...groupBy(byBytes, ({ move }) => move.from.id).values()].map((queue) => ({
      ...{ queue: queue.values(), left: queue.length, load: this.scale.loadOf(queue[0]!.move.from) },
    }));
    const ordered: ProposedMove[] = [];
    for (const count = Math.min(maxMoves, moves.length); ordered.length < count;) {
      const open = queues.filter(({ left }) => left > 0);
      const fullest = open.reduce((a, b) => (b.load > a.load ? b : a));
      const { move, weight } = fullest.queue.next().value!;
      ordered.push(move);
      fullest.left -= 1;
      fullest.load -= weight / this.scale.fairPartOf(move.from);
    }
    return ordered;
  }

  loads(moves: readonly ProposedMove[]): ServerLoads[] {
    const servers = new Map(this.before.map((server) => [server.id, server]));
    for (const move of moves) makeMove(servers, move);
    const after = this.loadsOf(servers);
    return this.before.map((server, n) => ({ server, before: this.scale.loadOf(server), after: after[n]! }));
  }

  private solve(items: readonly Item[], goal: number, maxMoves: number): LeastMoves | undefined {
    const bins = Array.from(this.servers.values(), (server) => ({
      ...{ id: server.id, weight: this.scale.weightOf(server), limit: goal * this.scale.fairPartOf(server) },
      ...(server.maxTenants !== null && { maxItems: server.maxTenants - server.tenants }),
      ...(server.maxBytes !== null && { maxBytes: server.maxBytes - server.bytes }),
    }));
    return leastMoves({ bins, items, maxMoves });
  }

  private items(): Item[] {
    const staying = [...this.tenants.values()].filter(({ id }) => !this.moved.has(id));
    return staying.map((tenant) => {
      const { id, serverId: from, bytes } = tenant;
      return { id, from, bytes, weight: this.weightOf(tenant), goals: this.admitting(tenant) };
    });
  }

  /** The server with the most room of those that can have the tenant. */
  private roomiest(tenant: WeighedTenant): PlacementServer | undefined {
    const admitting = this.admitting(tenant);
    const servers = [...this.servers.values()];
    const room = { labels: {}, bytes: tenant.bytes };
    if (!servers.some((each) => admitting.has(each.id) && exclusionOf(each, room) === undefined)) return undefined;
    const unfit = new Map(servers.filter(({ id }) => !admitting.has(id)).map(({ id }) => [id, 'rights' as const]));
    return chooseServer(servers, { ...room, unfit }).chosen;
  }

  /** Servers that have the labels and the rights: the same ones for many tenants. */
  private admitting({ labels, isolation }: MovableTenant): ReadonlySet<string> {
    const wanted = labels ?? {};
    const key = `${isolation} ${labelsText(wanted)}`;
    const known = this.admitted.get(key);
    if (known) return known;
    const servers = this.before.filter((server) => lackingLabels(wanted, server.labels).length === 0);
    const ids = new Set(servers.map(({ id }) => id).filter((id) => !this.facts.lacksRights(id, isolation)));
    this.admitted.set(key, ids);
    return ids;
  }

  private loadsOf(servers: ReadonlyMap<string, PlacementServer>): number[] {
    return Array.from(servers.values(), (server) => this.scale.loadOf(server));
  }

  private weightOf({ bytes, databaseMs }: WeighedTenant): number {
    return this.scale.weightOf({ tenants: 1, bytes, databaseMs });
  }

  private server(id: string): PlacementServer {
    return this.servers.get(id)!;
  }
}

/** Takes the tenant from one server to the other. */
function makeMove(servers: Map<string, PlacementServer>, { tenant, from, to, bytes }: ProposedMove): void {
  const [source, target] = [servers.get(from.id)!, servers.get(to.id)!];
  servers.set(source.id, {
    ...{ ...source, tenants: source.tenants - 1, bytes: Math.max(0, source.bytes - bytes) },
    databaseMs: Math.max(0, source.databaseMs - tenant.databaseMs),
  });
  servers.set(target.id, { ...withTenant(target, bytes), databaseMs: target.databaseMs + tenant.databaseMs });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
