import { Inject, Injectable, Optional } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { Shutdown } from '../../platform/shutdown/shutdown.js';
import { ServerBudgets } from '../budget/server-budgets.js';
import { SlotQueue } from '../budget/slot-queue.js';
import { type ConnectionTarget, hasReplicas, type ServerAddress } from '../connection/connection-target.js';
import type { SlotSource } from '../connection/slot-source.js';
import { ConnectionPools } from '../pool/connection-pools.js';
import { type PoolOptions, poolOptions } from '../pool/pool-options.js';
import type { TenantAccess } from '../statements/tenant-access.js';
import { type Fallback, ServerReplicas } from './server-replicas.js';
import { TenantReplicas } from './tenant-replicas.js';

/** One replica as this process knows it. */
export interface ReplicaSnapshot {
  readonly serverId: string;
  /** Its place in the server's list, from 1. */
  readonly number: number;
  /** Its address. */
  readonly name: string;
  /** Whether it has been read lately, and is asked how far it is. */
  readonly isInUse: boolean;
  /** Why it is not read; undefined while it answers. */
  readonly problem: string | undefined;
  /** Statements that it has answered. */
  readonly reads: number;
  /** By how much it was behind when it last answered; undefined: not known. */
  readonly stalenessMs: number | undefined;
}

/** What has become of reads at the servers with replicas. */
export interface ReplicasSnapshot {
  readonly replicas: readonly ReplicaSnapshot[];
  /** Reads that went to the primary instead, of all servers. */
  readonly fallbacks: Readonly<Record<Fallback, number>>;
}

/** The read replicas of all servers that this process reads from. */
@Injectable()
export class ReadReplicas {
  private readonly servers = new Map<string, { readonly addresses: string; readonly server: ServerReplicas }>();
  /** By the id of the replica. */
  private readonly slots = new Map<string, SlotSource>();
  private readonly options: PoolOptions;
  private readonly maxStalenessMs: number;
  private readonly past: Record<Fallback, number> = {
    ...{ starting: 0, away: 0, stale: 0, behind: 0 },
    ...{ elsewhere: 0, failed: 0 },
  };
  private isClosed = false;

  constructor(
    @Inject(APP_CONFIG) config: AppConfig,
    private readonly pools: ConnectionPools,
    private readonly budgets: ServerBudgets,
    @Optional() shutdown: Shutdown = new Shutdown(),
  ) {
    this.options = poolOptions(config);
    this.maxStalenessMs = config.database.replicaMaxStalenessMs;
    shutdown.add('close tenant pools', () => this.close());
  }

  /**
   * Gives the access the replicas of its target's server, as the catalog has them now. Each read looks them up again: the list may be
   * replaced while the access is in use.
   */
  attach(access: TenantAccess, target: ConnectionTarget): void {
    if (this.isClosed) return;
    this.keep(target);
    if (!hasReplicas(target)) return;
    const { id } = target.server;
    const current = (): ServerReplicas | undefined => this.servers.get(id)?.server;
    access.replicas = new TenantReplicas(access, current, this.pools, this.maxStalenessMs);
  }

  snapshot(): ReplicasSnapshot {
    const servers = [...this.servers];
    const replicas = servers.flatMap(([serverId, { server }]) =>
      server.all.map(({ name, isInUse, problem, reads, stalenessMs }, index) => {
        return { serverId, number: index + 1, name, isInUse, problem, reads, stalenessMs };
      }),
    );
    const fallbacks = { ...this.past };
    for (const [, { server }] of servers) addTo(fallbacks, server.fallbacks);
    return { replicas, fallbacks };
  }

  /** Replaces what is known of the replicas of the target's server where the target has others, or none. */
  private keep(target: ConnectionTarget): void {
    const { id, replicas, aroundPooler, tls } = target.server;
    const addresses = JSON.stringify([replicas, aroundPooler !== undefined, tls]);
    const known = this.servers.get(id);
    if (known?.addresses === addresses) return;
    if (known) this.end(id, known.server);
    if (!hasReplicas(target)) return;
    const server = new ServerReplicas(target, this.options, (replica) => this.slotsOf(replica));
    this.servers.set(id, { addresses, server });
  }

  private end(id: string, server: ServerReplicas): void {
    this.servers.delete(id);
    addTo(this.past, server.fallbacks);
    void server.end();
  }

  private slotsOf(replica: ServerAddress): SlotSource {
    const known = this.slots.get(replica.id);
    if (known) return known;
    const slots = new SlotQueue(this.budgets.forReplica(replica).reserve({ kept: 1, max: 1 }));
    this.slots.set(replica.id, slots);
    return slots;
  }

  private async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all(Array.from(this.servers.values(), ({ server }) => server.end()));
  }
}

function addTo(sums: Record<Fallback, number>, counts: Readonly<Record<Fallback, number>>): void {
  for (const [reason, count] of Object.entries(counts)) sums[reason as Fallback] += count;
}
