import { Logger } from '@nestjs/common';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { runWithoutContext } from '../../platform/run-without-context.js';
import { withDeadline } from '../../platform/timeout.js';
import type { ConnectionOptions } from '../connection/client-config.js';
import { type ConnectionTarget, replicaTarget, type ServerAddress } from '../connection/connection-target.js';
import type { HostAndPort } from '../../platform/postgres/database-url.js';
import type { SlotSource } from '../connection/slot-source.js';
import { type AcquireRequest, type ConnectionPool, operationWork } from '../pool/connection-pool.js';
import { sendOnClient } from '../statements/client-flights.js';
import { parsePosition, POSITION_SQL } from '../statements/positions/wal-position.js';
import { PrimaryHistory } from './primary-history.js';
import { Replica, type Unfit } from './replica.js';

/** Between two questions to the primary and to each replica, while replicas are in use. */
const ASK_MS = 500;
/** An overloaded primary may take longer to answer than a replica: its replicas are then all the more wanted. */
const ANSWER_MS = 5_000;
/** After this time without a read nothing is asked. */
const UNUSED_MS = 60_000;

const ASK_PRIMARY = `SELECT p.position, s.system_identifier::text AS system FROM (${POSITION_SQL}) AS p, pg_control_system() AS s`;

/** Of the primary's pool, besides what tenants have of it. */
const ASKING: AcquireRequest = {
  tenantId: operationWork('replicas'),
  isOperation: true,
  share: { maxConcurrent: 1, maxQueued: 1 },
  hold: 'statement',
};

/** Why a read went to the primary. `elsewhere`: its caller has written at another server, or where is not known. */
export type Fallback = Unfit | 'elsewhere' | 'failed';

/** The read replicas of one server. While they are in use, they and their primary are asked how far they are. */
export class ServerReplicas {
  readonly primary = new PrimaryHistory();
  readonly fallbacks: Record<Fallback, number> = {
    ...{ starting: 0, away: 0, stale: 0, behind: 0 },
    ...{ elsewhere: 0, failed: 0 },
  };
  private readonly logger = new Logger('ReadReplicas');
  private readonly replicas: readonly { readonly address: HostAndPort; readonly replica: Replica }[];
  private timer: NodeJS.Timeout | undefined;
  private isEnded = false;
  private usedAt = -Infinity;
  private used: { readonly target: ConnectionTarget; readonly pool: ConnectionPool } | undefined;
  /** Those that have not answered yet: one question at a time. */
  private readonly asking = new Set<unknown>();

  /**
   * @param target any on the server
   * @param slotsOf those for the connection on which a replica is asked
   */
  constructor(target: ConnectionTarget, options: ConnectionOptions, slotsOf: (replica: ServerAddress) => SlotSource) {
    this.replicas = (target.server.replicas ?? []).map((address) => {
      const slots = slotsOf(replicaTarget(target, address).server);
      return { address, replica: new Replica(`${address.host}:${address.port}`, options, slots, this.logger) };
    });
  }

  get all(): readonly Replica[] {
    return this.replicas.map(({ replica }) => replica);
  }

  /** A read is wanted. @param pool that of the target on the primary */
  use(target: ConnectionTarget, pool: ConnectionPool): void {
    this.usedAt = performance.now();
    this.used = { target, pool };
    if (this.timer || this.isEnded) return;
    runWithoutContext(() => {
      this.timer = setInterval(() => this.askAll(), ASK_MS).unref();
      this.askAll();
    });
  }

  addressOf(replica: Replica): HostAndPort | undefined {
    return this.replicas.find((known) => known.replica === replica)?.address;
  }

  /**
   * The replica to read: of those with what the caller has written, the one with the least to do, the first of them.
   *
   * @param freshSince the time whose state it must have, in ms of `performance.now()`
   * @param lsn what it should have replayed; undefined: anything
   * @param only the one that was read before
   */
  choose(freshSince: number, lsn: bigint | undefined, only: unknown): Replica | Unfit {
    let chosen: Replica | undefined;
    let reason: Unfit = 'away';
    for (const { replica } of this.replicas) {
      if (only !== undefined && replica !== only) continue;
      const unfit = replica.unfit(this.primary, freshSince);
      if (unfit) reason = unfit;
      else if (!chosen || rank(replica, lsn) < rank(chosen, lsn)) chosen = replica;
    }
    return chosen ?? reason;
  }

  /** Asks nothing further, also when it is used. */
  end(): Promise<void> {
    this.isEnded = true;
    return this.stop();
  }

  private async stop(): Promise<void> {
    clearInterval(this.timer);
    this.timer = undefined;
    await Promise.all(this.all.map((replica) => replica.close()));
  }

  private askAll(): void {
    const { used } = this;
    if (!used || performance.now() - this.usedAt > UNUSED_MS) return void this.stop();
    void this.once(this.primary, () => this.askPrimary(used.pool));
    for (const { address, replica } of this.replicas) {
      void this.once(replica, () => replica.ask(replicaTarget(used.target, address), this.primary));
    }
  }

  private async once(subject: unknown, ask: () => Promise<void>): Promise<void> {
    if (this.asking.has(subject)) return;
    this.asking.add(subject);
    await ask();
    this.asking.delete(subject);
  }

  /** Never rejects: without an answer the replicas' staleness is not known, and grows. */
  private async askPrimary(pool: ConnectionPool): Promise<void> {
    const at = performance.now();
    try {
      const { position, system } = await positionOf(pool);
      const parsed = parsePosition('', position);
      if (parsed) this.primary.add(at, { system, ...parsed });
      for (const replica of this.all) replica.compare(this.primary);
    } catch (error) {
      this.logger.debug(`The primary of read replicas was not asked: ${reasonOf(error)}`);
    }
  }
}

async function positionOf(pool: ConnectionPool): Promise<{ readonly position: string; readonly system: string }> {
  const connection = await pool.acquire({ ...ASKING, signal: AbortSignal.timeout(ANSWER_MS) });
  try {
    const asked = sendOnClient(connection.client, {}, { text: ASK_PRIMARY, isChecked: true });
    const { rows } = await withDeadline(asked, ANSWER_MS);
    connection.release();
    return rows[0] as { position: string; system: string };
  } catch (error) {
    connection.release(reasonOf(error));
    throw error;
  }
}

function rank(replica: Replica, lsn: bigint | undefined): number {
  if (lsn === undefined || replica.hasReplayed(lsn)) return replica.load;
  return replica.load + (replica.isFarBehind ? 2e6 : 1e6);
}
