import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { ResultTooLargeError } from '../connection/result-limit.js';
import { replicaTarget } from '../connection/connection-target.js';
import type { ConnectionPools } from '../pool/connection-pools.js';
import { currentPositions, type RequiredPosition } from '../statements/positions/call-positions.js';
import type { ReplicaReads, ReplicaScope } from '../statements/positions/replica-scope.js';
import { isReplicaBehind } from '../statements/stamps/stamp.js';
import { runStamped } from '../statements/stamped-query.js';
import { isReadTimeout } from '../statements/statement-failure.js';
import type { Statement } from '../statements/statement.js';
import type { TenantAccess } from '../statements/tenant-access.js';
import type { WalPosition } from '../statements/positions/wal-position.js';
import type { Replica } from './replica.js';
import { ReplicaAccess } from './replica-access.js';
import { refusedWrite } from './replicas.errors.js';
import type { Fallback, ServerReplicas } from './server-replicas.js';

/** How long a caller waits for what it has written, in steps of ms. */
const WAITS = [0, 2, 4, 8, 16, 32];
/** `read_only_sql_transaction`: it is the statement that writes; `query_canceled`: it has had its time. */
const FINAL: ReadonlySet<string | undefined> = new Set(['25006', '57014']);

type Outcome = { readonly result: pg.QueryResult } | Fallback;

/** Reads one tenant's rows from the replicas of its server, and from the server itself wherever a replica will not do. */
export class TenantReplicas implements ReplicaReads {
  /** What is read must be of later: before, the tenant may have been elsewhere, or its stamps signed with another key. */
  private readonly since = performance.now();
  private readonly accesses = new WeakMap<Replica, ReplicaAccess>();

  /**
   * @param access to the server itself
   * @param current the server's replicas as they are when a read begins; undefined when it has none any more
   */
  constructor(
    private readonly access: TenantAccess,
    private readonly current: () => ServerReplicas | undefined,
    private readonly pools: ConnectionPools,
    private readonly maxStalenessMs: number,
  ) {}

  async run(statement: Statement, scope: ReplicaScope): Promise<pg.QueryResult> {
    try {
      const server = scope.readsFrom === 'primary' ? undefined : this.current();
      const outcome = server && (await this.fromReplica(server, statement, scope));
      if (typeof outcome === 'object') return outcome.result;
      if (server && outcome) server.fallbacks[outcome] += 1;
      scope.readsFrom = 'primary';
      return await runStamped(this.access.readOnly, outcome === 'elsewhere' ? asking(statement) : statement);
    } catch (error) {
      throw refusedWrite(error);
    }
  }

  /** @throws what is the answer on the primary as well */
  private async fromReplica(server: ServerReplicas, statement: Statement, scope: ReplicaScope): Promise<Outcome> {
    const { pool } = this.access;
    server.use(pool.target, pool);
    const positions = currentPositions();
    const required = positions?.required;
    if (!positions || (required !== undefined && !this.isComparable(required, server))) return 'elsewhere';
    const lsn = (required as WalPosition | undefined)?.lsn;
    const freshSince = Math.max(this.since, performance.now() - (scope.maxStalenessMs ?? this.maxStalenessMs));
    const replica = server.choose(freshSince, lsn, scope.readsFrom);
    if (typeof replica === 'string') return replica;
    scope.readsFrom = replica;
    return this.fromOne(replica, this.accessTo(replica, server), statement, lsn);
  }

  private async fromOne(
    replica: Replica,
    access: ReplicaAccess | undefined,
    statement: Statement,
    lsn: bigint | undefined,
  ): Promise<Outcome> {
    if (!access || access.isResting) return 'away';
    for (const waitMs of WAITS) {
      const isGuarded = lsn !== undefined && (this.isBehindPooler || !replica.hasReplayed(lsn));
      if (isGuarded && replica.isFarBehind) return 'behind';
      if (waitMs > 0) await delay(waitMs);
      try {
        const result = await replica.whileReachable(runStamped(isGuarded ? access.at(lsn) : access, statement));
        if (isGuarded) replica.noteReplayed(lsn);
        replica.reads += 1;
        return { result };
      } catch (error) {
        if (isFinal(error)) throw error;
        if (isReplicaBehind(error)) continue;
        if (error instanceof pg.DatabaseError) return 'failed';
        access.rest(error);
        return 'away';
      }
    }
    return 'behind';
  }

  /** Undefined when the process is stopping. */
  private accessTo(replica: Replica, server: ServerReplicas): ReplicaAccess | undefined {
    const known = this.accesses.get(replica);
    if (known || this.pools.isClosed) return known;
    const target = replicaTarget(this.access.pool.target, server.addressOf(replica)!);
    const access = new ReplicaAccess(this.access, this.pools.get(target));
    this.accesses.set(replica, access);
    return access;
  }

  /** Whether a replica can be compared with it: a position of a timeline that is not known here is of another history. */
  private isComparable(required: RequiredPosition, server: ServerReplicas): boolean {
    if (typeof required === 'string' || required.serverId !== this.access.pool.target.server.id) return false;
    const { timeline } = server.primary;
    return timeline === undefined || required.timeline <= timeline;
  }

  /** A pooler does not show that the server behind it was started again: what it had replayed is not known for certain. */
  private get isBehindPooler(): boolean {
    return this.access.pool.target.server.aroundPooler !== undefined;
  }
}

/** The read; it asks for a position that its caller can use from now on, unless a write of that caller may be committed later. */
function asking(statement: Statement): Statement {
  const positions = currentPositions();
  return positions?.required === 'unknown' ? statement : { ...statement, onPosition: positions?.onPositionOfRead };
}

function isFinal(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return FINAL.has(error.code);
  return error instanceof ResultTooLargeError || isReadTimeout(error);
}
