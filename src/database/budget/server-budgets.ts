import { Inject, Injectable, Logger } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { shareOf } from '../../platform/config/worker-share.js';
import { describeFullServer } from '../connection/connection-failure.js';
import type { ServerAddress } from '../connection/connection-target.js';
import type { Reservation, ReservedSlots } from './reserved-slots.js';
import { ServerBudget } from './server-budget.js';

/**
 * One budget per server, for all connections of this process: an instance's limit, or a worker's share of it. A server is known by its id, and by its direct address: the
 * catalog's and that of tenants next to it have different ids.
 */
@Injectable()
export class ServerBudgets {
  private readonly logger = new Logger('ConnectionPools');
  private readonly byId = new Map<string, ServerBudget>();
  private readonly byAddress = new Map<string, ServerBudget>();
  /** Ids of servers that have pools of tenants. */
  private readonly pooled = new Set<string>();
  private readonly onCreated: ((budget: ServerBudget) => void)[] = [];

  constructor(@Inject(APP_CONFIG) private readonly config: AppConfig) {}

  /** The server's budget; its limit is that of the process until `resize` sets another. */
  of(server: ServerAddress): ServerBudget {
    const known = this.byId.get(server.id);
    if (known) return known;
    const address = directAddressOf(server);
    const budget = this.byAddress.get(address) ?? this.create(server);
    this.byAddress.set(address, budget);
    this.byId.set(server.id, budget);
    return budget;
  }

  /** The budget for pools of tenants, with the limit that the server's address has now. */
  resize(server: ServerAddress): ServerBudget {
    const budget = this.of(server);
    this.pooled.add(server.id);
    budget.resize(this.limitOf(server));
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

  private limitOf({ maxConnections }: Pick<ServerAddress, 'maxConnections'>): number {
    return shareOf(maxConnections ?? this.config.pool.serverMaxConnections, this.config.worker);
  }

  private create(server: ServerAddress): ServerBudget {
    const onFull = (open: number): void => this.logger.warn(describeFullServer(server, open));
    const budget = new ServerBudget(this.limitOf({}), undefined, onFull);
    for (const listener of this.onCreated) listener(budget);
    return budget;
  }
}

function directAddressOf(server: ServerAddress): string {
  const { host, port } = server.aroundPooler ?? server;
  return `${host}:${port}`;
}
