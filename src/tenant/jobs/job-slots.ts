import { randomUUID } from 'node:crypto';
import { runWithoutContext } from '../../platform/run-without-context.js';
import { type RedisSlots, SLOT_MS } from '../limits/redis-slots.js';

/** What is used of Redis. */
type SharedSlots = Pick<RedisSlots, 'take' | 'renew' | 'free'>;

const RENEW_MS = SLOT_MS / 3;

/** A job of a tenant that runs. */
export interface JobSlot {
  /** The job is over. Does not throw. */
  free(): void;
}

/**
 * How many jobs of a tenant run at once, over all processes: each holds a slot in Redis, which ends by itself where the process dies.
 * While Redis cannot be asked, a process runs its part: the limit divided by the running instances.
 */
export class JobSlots {
  /** Jobs that had to wait. */
  refused = 0;

  /** Tenant -> ids of the slots of this process, also of those that Redis does not know. */
  private readonly held = new Map<string, Set<string>>();
  private timer: NodeJS.Timeout | undefined;

  /** @param shared undefined without Redis */
  constructor(
    private readonly shared: SharedSlots | undefined,
    private readonly instances: () => number,
  ) {}

  /** Undefined when as many jobs of the tenant run as its limit admits. */
  async take(tenantId: string, limit: number): Promise<JobSlot | undefined> {
    const id = randomUUID();
    const isTaken = (await this.shared?.take(tenantId, limit, id)) ?? this.hasPart(tenantId, limit);
    if (!isTaken) {
      this.refused += 1;
      return undefined;
    }
    const ids = this.held.get(tenantId) ?? new Set();
    this.held.set(tenantId, ids.add(id));
    this.timer ??= runWithoutContext(() => setInterval(() => this.renew(), RENEW_MS).unref());
    return { free: () => this.free(tenantId, id) };
  }

  private hasPart(tenantId: string, limit: number): boolean {
    return (this.held.get(tenantId)?.size ?? 0) < Math.max(1, Math.floor(limit / this.instances()));
  }

  private free(tenantId: string, id: string): void {
    const ids = this.held.get(tenantId);
    if (!ids?.delete(id)) return;
    if (ids.size === 0) this.held.delete(tenantId);
    if (this.held.size === 0) {
      clearInterval(this.timer);
      this.timer = undefined;
    }
    void runWithoutContext(() => this.shared?.free(tenantId, id)); // one that Redis keeps ends by itself
  }

  private renew(): void {
    for (const [tenantId, ids] of this.held) void this.shared?.renew(tenantId, [...ids]);
  }
}
