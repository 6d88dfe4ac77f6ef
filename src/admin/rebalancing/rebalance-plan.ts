import { type Labels, lackingLabels } from '../../catalog/model/labels.js';
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

/** How often the goal is approached where it cannot be reached: in a large fleet, each time takes a second. */
const APPROACHES = { usual: 8, large: 2 };
const LARGE_FLEET = 5_000;

/**
 * Proposes moves: of tenants whose server lacks labels that they want, to the server with the most room that has them; then from servers whose load
 * is above the goal to others, with the fewest bytes. Draining servers are left out: they are emptied.
 */
export function planRebalance(facts: RebalanceFacts, { goal, maxMoves }: RebalanceOptions): RebalancePlan {
  const fleet = new Fleet(facts);
  const byLabels = fleet.moveMisplaced();
  const solution = fleet.bestWithin(goal);
  const byLoad = fleet.proposed(solution.moves);
  const first = byLabels.slice(0, maxMoves);
  const moves = [...first, ...fleet.inOrder(byLoad, maxMoves - first.length)];
  const loads = fleet.loads(moves);
  const isWhole = moves.length === byLabels.length + byLoad.length;
  const loadBytes = sum(moves.filter(({ reason }) => reason === 'load').map(({ bytes }) => bytes));
  return {
    ...{ moves, loads, loadBytes },
    reachesGoal: loads.every(({ after }) => after <= goal + 1e-9),
    leastLoadBytes: isWhole ? Math.min(solution.leastBytes, loadBytes) : 0,
  };
}

class Fleet {
  private readonly scale: FleetScale;
  private readonly before: readonly PlacementServer[];
  private readonly averageBytes: number;
  private readonly tenants: readonly MovableTenant[];
  private readonly moved = new Set<string>();
  private servers: readonly PlacementServer[];

  constructor(private readonly facts: RebalanceFacts) {
    this.before = facts.servers.filter(({ draining }) => !draining);
    this.servers = this.before;
    this.scale = new FleetScale(this.before);
    const ids = new Set(this.before.map(({ id }) => id));
    this.tenants = facts.tenants.filter(({ serverId }) => ids.has(serverId));
    const measured = facts.tenants.flatMap(({ bytes }) => bytes ?? []);
    this.averageBytes = measured.length === 0 ? 0 : sum(measured) / measured.length;
  }

  /** Moves each tenant whose server lacks its labels, if another has them and room. */
  moveMisplaced(): ProposedMove[] {
    return this.tenants.flatMap((tenant): ProposedMove[] => {
      const from = this.server(tenant.serverId);
      if (lackingLabels(tenant.labels ?? {}, from.labels).length === 0) return [];
      const bytes = this.bytesOf(tenant);
      const { chosen: to } = chooseServer(this.servers, {
        labels: tenant.labels ?? {},
        bytes,
        unfit: this.unfit(tenant),
      });
      if (!to) return [];
      this.moved.add(tenant.id);
      this.servers = afterMove(this.servers, { tenant, from, to }, bytes);
      return [{ tenant, from, to, bytes, reason: 'labels' }];
    });
  }

  /** The fewest bytes for the goal; where it cannot be reached, for the least load that can be. */
  bestWithin(goal: number): LeastMoves {
    const fullest = Math.max(...this.servers.map((server) => this.scale.loadOf(server)), 0);
    const direct = this.solve(goal);
    if (direct) return direct;
    let best: LeastMoves = { moves: [], leastBytes: 0 };
    let [low, high] = [goal, fullest];
    const approaches = this.tenants.length > LARGE_FLEET ? APPROACHES.large : APPROACHES.usual;
    for (let n = 0; n < approaches; n += 1) {
      const middle = (low + high) / 2;
      const found = this.solve(middle);
      if (found) [best, high] = [found, middle];
      else low = middle;
    }
    return best;
  }

  proposed(moves: LeastMoves['moves']): ProposedMove[] {
    const tenants = new Map(this.tenants.map((tenant) => [tenant.id, tenant]));
    return moves.map(({ item, to }) => {
      const tenant = tenants.get(item.id)!;
      return { tenant, from: this.server(item.from), to: this.server(to), bytes: item.bytes, reason: 'load' };
    });
  }

  /** Always one of the server that is the fullest at that point, with the most weight for its bytes. */
  inOrder(moves: readonly ProposedMove[], maxMoves: number): ProposedMove[] {
    const weighed = moves.map((move) => ({ move, weight: this.weightOf(move.tenant) }));
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
    const after = moves.reduce((servers, move) => afterMove(servers, move, move.tenant.bytes ?? 0), this.before);
    return this.before.map((server, n) => ({
      ...{ server, before: this.scale.loadOf(server), after: this.scale.loadOf(after[n] ?? server) },
    }));
  }

  private solve(goal: number): LeastMoves | undefined {
    const items = this.tenants.flatMap((tenant): Item[] =>
      this.moved.has(tenant.id)
        ? []
        : [{ id: tenant.id, from: tenant.serverId, weight: this.weightOf(tenant), bytes: this.bytesOf(tenant) }],
    );
    const tenants = new Map(this.tenants.map((tenant) => [tenant.id, tenant]));
    const bins = this.servers.map((server) => ({
      ...{ id: server.id, weight: this.scale.weightOf(server), limit: goal * this.scale.fairPartOf(server) },
    }));
    const servers = new Map(this.servers.map((server) => [server.id, server]));
    const fits = (id: string, item: Item, given: readonly Item[]): boolean => {
      const server = servers.get(id)!;
      const tenant = tenants.get(item.id)!;
      const filled =
        given.length === 0
          ? server
          : { ...server, tenants: server.tenants + given.length, bytes: server.bytes + sum(given.map((g) => g.bytes)) };
      const wish = { labels: tenant.labels ?? {}, bytes: item.bytes };
      return exclusionOf(filled, wish) === undefined && !this.facts.lacksRights(id, tenant.isolation);
    };
    return leastMoves({ bins, items, fits });
  }

  private unfit({ isolation }: MovableTenant): ReadonlyMap<string, 'rights'> {
    const ids = this.servers.map(({ id }) => id).filter((id) => this.facts.lacksRights(id, isolation));
    return new Map(ids.map((id) => [id, 'rights']));
  }

  private weightOf({ bytes, databaseMs }: MovableTenant): number {
    return this.scale.weightOf({ tenants: 1, bytes: bytes ?? 0, databaseMs });
  }

  private bytesOf({ bytes }: MovableTenant): number {
    return bytes ?? this.averageBytes;
  }

  private server(id: string): PlacementServer {
    return this.servers.find((server) => server.id === id)!;
  }
}

/** The servers with what the tenant takes from one to the other. */
function afterMove(
  servers: readonly PlacementServer[],
  { tenant, from, to }: Pick<ProposedMove, 'tenant' | 'from' | 'to'>,
  bytes: number,
): readonly PlacementServer[] {
  const { databaseMs } = tenant;
  return servers.map((server) => {
    if (server.id === to.id) return { ...withTenant(server, bytes), databaseMs: server.databaseMs + databaseMs };
    if (server.id !== from.id) return server;
    return {
      ...{ ...server, tenants: server.tenants - 1, bytes: Math.max(0, server.bytes - bytes) },
      databaseMs: Math.max(0, server.databaseMs - databaseMs),
    };
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
