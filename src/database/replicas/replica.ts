import type { LoggerService } from '@nestjs/common';
import pg from 'pg';
import type { SlotSource } from '../connection/slot-source.js';
import type { ConnectionTarget } from '../connection/connection-target.js';
import { clientConfig, type ConnectionOptions } from '../connection/client-config.js';
import { PhysicalConnection } from '../connection/physical-connection.js';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { parseLsn } from '../statements/positions/wal-position.js';
import type { PrimaryHistory } from './primary-history.js';
import { ReplicaAwayError } from './replicas.errors.js';

/** A replica that does not answer for this long is away. */
const ANSWER_MS = 1_000;
/** One that is this far behind does not catch up while a caller waits. */
const FAR_BEHIND_MS = 1_500;

/**
 * What is known of a standby, as any role may ask. The timeline is that of the last restart point, or of the last page written:
 * after a failover it is the new one some time later. A replica that was promoted answers as the primary that it is.
 */
const ASK = `
  SELECT pg_is_in_recovery() AS standby, pg_postmaster_start_time()::text AS started, s.system_identifier::text AS system,
         CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END::text AS lsn,
         CASE WHEN pg_is_in_recovery() THEN greatest(c.timeline_id, r.min_recovery_end_timeline)
              ELSE ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int END AS timeline
  FROM pg_control_system() s, pg_control_checkpoint() c, pg_control_recovery() r`;

interface Answer {
  readonly standby: boolean;
  readonly started: string;
  readonly system: string;
  readonly lsn: string | null;
  readonly timeline: number;
}

/** Why a replica was not read: for metrics. */
export type Unfit = 'starting' | 'away' | 'stale' | 'behind';

/** One read replica of a server, as this process knows it: it is asked regularly while it is in use. */
export class Replica {
  /** Statements that it has answered. */
  reads = 0;
  /** Why it is not read; undefined while it may be. */
  problem: string | undefined;
  /** Whether reads want it, so that a connection is kept on which it is asked. Otherwise nothing is known of it. */
  isInUse = false;
  private answer: Answer | undefined;
  /** Up to which it has replayed at least. */
  private replayed = -1n;
  private freshAsOf = -Infinity;
  private answeredAt = -Infinity;
  private connection: PhysicalConnection | undefined;
  /** With which it has answered. */
  private askedAs: ConnectionTarget | undefined;
  private readonly underWay = new Set<(reason: Error) => void>();

  /**
   * @param name its address
   * @param slots of its connection limit, for the connection on which it is asked
   */
  constructor(
    readonly name: string,
    private readonly options: ConnectionOptions,
    private readonly slots: SlotSource,
    private readonly logger: Pick<LoggerService, 'log' | 'warn'>,
  ) {}

  /** Statements that it has not answered yet. */
  get load(): number {
    return this.underWay.size;
  }

  /** By how much it was behind when it last answered, in ms, within the time between two questions; undefined: not known. */
  get stalenessMs(): number | undefined {
    return this.freshAsOf === -Infinity ? undefined : Math.max(0, this.answeredAt - this.freshAsOf);
  }

  /**
   * Why it cannot be read; undefined when it can.
   *
   * @param freshSince the time whose state it must have, in ms of `performance.now()`
   */
  unfit(primary: PrimaryHistory, freshSince: number): Unfit | undefined {
    if (this.problem !== undefined) return 'away';
    const { answer } = this;
    if (!answer || primary.timeline === undefined) return 'starting';
    // A server that accepts writes has another history, also where it counts the same timeline.
    if (!answer.standby || answer.system !== primary.system || answer.timeline !== primary.timeline) return 'away';
    return this.freshAsOf < freshSince ? 'stale' : undefined;
  }

  hasReplayed(lsn: bigint): boolean {
    return this.replayed >= lsn;
  }

  /** Whether it is not worth waiting until it has replayed what was just written. */
  get isFarBehind(): boolean {
    return this.answer?.standby !== true || (this.stalenessMs ?? Infinity) > FAR_BEHIND_MS;
  }

  /** It has replayed up to here. */
  noteReplayed(lsn: bigint): void {
    if (lsn > this.replayed) this.replayed = lsn;
  }

  /** The primary has answered: what this one has replayed may be newer than was known. */
  compare(primary: PrimaryHistory): void {
    this.freshAsOf = Math.max(this.freshAsOf, primary.freshAsOf(this.replayed));
  }

  /** Settles like `work`, or rejects once the replica is found to be away. @throws ReplicaAwayError */
  async whileReachable<T>(work: Promise<T>): Promise<T> {
    let leave!: (reason: Error) => void;
    const left = new Promise<never>((_, reject) => (leave = reject));
    this.underWay.add(leave);
    try {
      return await Promise.race([work, left]);
    } finally {
      this.underWay.delete(leave);
    }
  }

  /** Asks how far it is. Never rejects: without an answer it is away. @param target any at the replica */
  async ask(target: ConnectionTarget, primary: PrimaryHistory): Promise<void> {
    this.isInUse = true;
    try {
      this.connection ??= await this.connectAs(target);
      if (!this.isInUse) return await this.close();
      const query = { text: ASK, query_timeout: ANSWER_MS };
      const { rows } = await this.connection.client.query<Answer>(query);
      this.askedAs ??= target;
      this.take(rows[0], primary);
    } catch (error) {
      this.lose(reasonOf(error));
    }
  }

  /** Closes the connection on which it is asked. */
  async close(): Promise<void> {
    const { connection } = this;
    this.isInUse = false;
    this.problem = undefined;
    this.connection = undefined;
    this.forget();
    connection?.close();
    await connection?.closed;
  }

  /** As before, or as the given one: of a database that was just made, a replica may not know yet. */
  private async connectAs(target: ConnectionTarget): Promise<PhysicalConnection> {
    const { askedAs = target } = this;
    try {
      return await this.connect(askedAs);
    } catch (error) {
      if (askedAs === target || !(error instanceof pg.DatabaseError)) throw error;
      this.askedAs = undefined;
      return this.connect(target);
    }
  }

  private connect(target: ConnectionTarget): Promise<PhysicalConnection> {
    const options = { ...this.options, connectTimeoutMs: Math.min(this.options.connectTimeoutMs, ANSWER_MS) };
    const config = { ...clientConfig(target, options), slots: this.slots };
    return PhysicalConnection.open(config, { onLost: () => this.lose('it has closed its connections') });
  }

  private take(answer: Answer | undefined, primary: PrimaryHistory): void {
    const lsn = parseLsn(answer?.lsn ?? '');
    if (!answer || lsn === undefined) return this.lose('it has not replayed anything yet');
    if (this.answer && lineOf(this.answer) !== lineOf(answer)) this.forget();
    this.answer = answer;
    this.answeredAt = performance.now();
    if (this.problem !== undefined) this.logger.log(`The read replica ${this.name} is back`);
    this.problem = undefined;
    this.noteReplayed(lsn);
    this.compare(primary);
  }

  private lose(problem: string): void {
    if (!this.isInUse) return;
    if (this.problem === undefined)
      this.logger.warn(`The read replica ${this.name} is away, and its reads go to the primary: ${problem}`);
    this.problem = problem;
    this.connection?.destroyNow();
    this.connection = undefined;
    this.forget();
    for (const leave of this.underWay) leave(new ReplicaAwayError(`the replica ${this.name} is away: ${problem}`));
  }

  /** A standby that has started again may have to replay once more what it had replayed before. */
  private forget(): void {
    this.answer = undefined;
    this.replayed = -1n;
    this.freshAsOf = -Infinity;
  }
}

/** What an answer has in common with the one before, unless the server was started again, promoted or replaced. */
function lineOf({ system, timeline, started, standby }: Answer): string {
  return `${system} ${timeline} ${started} ${standby}`;
}
