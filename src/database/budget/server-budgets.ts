import { Inject, Injectable, Logger } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { describeFullServer } from '../connection/connection-failure.js';
import type { ServerAddress } from '../connection/connection-target.js';
import type { Reservation, ReservedSlots } from './reserved-slots.js';
import { ServerBudget } from './server-budget.js';

/** One budget per server, for all connections of this process. */
@Injectable()
export class ServerBudgets {
  private readonly logger = new Logger('ConnectionPools');
  private readonly budgets = new Map<string, ServerBudget>();

  private readonly onCreated: ((serverId: string, budget: ServerBudget) => void)[] = [];

  constructor(@Inject(APP_CONFIG) private readonly config: AppConfig) {}

  /** The server's budget; its limit is that of the process until `resize` sets another. */
  of(server: ServerAddress): ServerBudget {
    const known = this.budgets.get(server.id);
    if (known) return known;
    const onFull = (open: number): void => this.logger.warn(describeFullServer(server, open));
    const budget = new ServerBudget(this.config.pool.serverMaxConnections, undefined, onFull);
    this.budgets.set(server.id, budget);
    for (const listener of this.onCreated) listener(server.id, budget);
    return budget;
  }

  /** The server's budget, with the limit that the server's address has now. */
  resize(server: ServerAddress): ServerBudget {
    const budget = this.of(server);
    budget.resize(server.maxConnections ?? this.config.pool.serverMaxConnections);
    return budget;
  }

  /** Sets slots aside on each server. @returns those of a server */
  reserveOnEach(reservation: Reservation): (server: ServerAddress) => ReservedSlots {
    const reserved = new Map<string, ReservedSlots>();
    const reserve = (serverId: string, budget: ServerBudget): ReservedSlots => {
      const slots = budget.reserve(reservation);
      reserved.set(serverId, slots);
      return slots;
    };
    this.onCreated.push(reserve);
    return (server) => {
      const budget = this.of(server);
      return reserved.get(server.id) ?? reserve(server.id, budget);
    };
  }

  entries(): Iterable<[serverId: string, budget: ServerBudget]> {
    return this.budgets;
  }
}
