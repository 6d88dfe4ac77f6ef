import { Inject, Injectable, Logger } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { shareOf } from '../../platform/config/worker-share.js';
import { describeFullServer } from '../connection/connection-failure.js';
import { addressesOf, type ServerAddress } from '../connection/connection-target.js';
import { addressText } from '../../platform/postgres/database-url.js';
import type { Reservation, ReservedSlots } from './reserved-slots.js';
import { ServerBudget } from './server-budget.js';

/**
 * One budget per server, for all connections of this process. Its limit is the process's own (`DB_SERVER_MAX_CONNECTIONS`, or a
 * worker's share of it) and, once processes share the servers' connections, what it is lent of them. A server is known by its id,
 * and by its direct addresses: the catalog's and that of tenants next to it have different ids.
 */
@Injectable()
export class ServerBudgets {
  /** The most that this process opens to a server, however many it is lent. */
  readonly ownLimit: number;
  private readonly logger = new Logger('ConnectionPools');
  private readonly byId = new Map<string, ServerBudget>();
  private readonly byAddress = new Map<string, ServerBudget>();
  private readonly ofReplicas = new Map<string, ServerBudget>();
  /** Ids of servers that have pools of tenants. */
  private readonly pooled = new Set<string>();
  private readonly onCreated: ((budget: ServerBudget) => void)[] = [];
  private onWaiting: ((budget: ServerBudget) => void) | undefined;

  constructor(@Inject(APP_CONFIG) { pool, worker }: AppConfig) {
    this.ownLimit = shareOf(pool.serverMaxConnections, worker);
  }

  of(server: ServerAddress): ServerBudget {
    const known = this.byId.get(server.id);
    if (known) return known;
    const addresses = addressesOf(server.aroundPooler ?? server).map(addressText);
    const [sameServer] = addresses.flatMap((address) => this.byAddress.get(address) ?? []);
    const budget = sameServer ?? this.create(server);
    for (const address of addresses) this.byAddress.set(address, budget);
    this.byId.set(server.id, budget);
    return budget;
  }

  /** The budget for pools of tenants. */
  forPools(server: ServerAddress): ServerBudget {
    this.pooled.add(server.id);
    return this.of(server);
  }

  /**
   * The budget for pools at a replica: the process's own limit. What the catalog lends are connections of the servers themselves.
   */
  forReplica(replica: ServerAddress): ServerBudget {
    const known = this.ofReplicas.get(replica.id);
    if (known) return known;
    const budget = new ServerBudget(this.ownLimit, undefined, (open) =>
      this.logger.warn(describeFullServer(replica, open)),
    );
    this.ofReplicas.set(replica.id, budget);
    return budget;
  }

  /** Sets slots aside on each server. @returns those of a server */
  reserveOnEach(reservation: Reservation): (server: ServerAddress) => ReservedSlots {
    const reserved = new Map<ServerBudget, ReservedSlots>();
    const reserve = (budget: ServerBudget): ReservedSlots => {
      const slots = budget.reserve(reservation);
      reserved.set(budget, slots);
      return slots;
    };
    this.onCreated.push(reserve);
    return (server) => {
      const budget = this.of(server);
      return reserved.get(budget) ?? reserve(budget);
    };
  }

  /** The servers that have pools of tenants. */
  entries(): Iterable<[serverId: string, budget: ServerBudget]> {
    return [...this.byId].filter(([serverId]) => this.pooled.has(serverId));
  }

  /** Every server that this process has had to do with. */
  all(): Iterable<[serverId: string, budget: ServerBudget]> {
    return this.byId;
  }

  /** A server that is not in the catalog any more; its address may be that of another one. */
  forget(serverId: string): void {
    this.byId.delete(serverId);
  }

  /**
   * From now on a server lends this process its connections: a new budget begins with none, and `resize` of the budget gives it
   * what it is lent.
   *
   * @param onWaiting called when a slot is waited for
   */
  lendFrom(onWaiting: (budget: ServerBudget) => void): void {
    this.onWaiting = onWaiting;
    for (const budget of this.byAddress.values()) budget.onWaiting = () => onWaiting(budget);
  }

  private create(server: ServerAddress): ServerBudget {
    const onFull = (open: number): void => this.logger.warn(describeFullServer(server, open));
    const { onWaiting } = this;
    const budget = new ServerBudget(this.ownLimit, undefined, onFull);
    if (onWaiting) {
      budget.resize(0);
      budget.onWaiting = () => onWaiting(budget);
    }
    for (const listener of this.onCreated) listener(budget);
    return budget;
  }
}
