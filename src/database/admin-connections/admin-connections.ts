import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type pg from 'pg';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { targetName } from '../connection/connection-target.js';
import { type ConnectionTarget, sessionTarget } from '../connection/connection-target.js';
import { runWithoutContext } from '../../platform/run-without-context.js';
import { PhysicalConnection } from '../connection/physical-connection.js';
import { PoolEndedError } from '../pool/pool.errors.js';
import { TargetUnavailableError } from '../connection/connection.errors.js';
import { clientConfig, type PoolOptions, poolOptions } from '../pool/pool-options.js';
import { resetSession } from './reset-session.js';
import { AdminConnectionLimiter } from './admin-connection-limiter.js';
import { acquireSlot } from './acquire-slot.js';

/** At most so many per server, over all its databases. They are kept free of the pools of tenants. */
export const MAX_ADMIN_CONNECTIONS = 4;

/** How long a connection that was kept may take to say that it still works, and to forget what it was used for. */
const RESPONSE_TIMEOUT_MS = 2_000;

/** One piece of work, with the way to stop it. */
type Interrupt = (reason: unknown) => void;

/**
 * Connections of the role that creates and migrates, which tenants are never served with. Without statement deadlines:
 * creating a database or an index takes the time it takes.
 */
@Injectable()
export class AdminConnections implements OnApplicationShutdown {
  private readonly options: PoolOptions;
  private readonly shutdownTimeoutMs: number;
  private readonly limiters = new Map<string, AdminConnectionLimiter>();
  private readonly running = new Map<Interrupt, Promise<void>>();
  private ended = false;

  constructor(@Inject(APP_CONFIG) config: AppConfig) {
    this.options = poolOptions(config);
    this.shutdownTimeoutMs = config.shutdownTimeoutMs;
  }

  /**
   * Runs `work` on a connection to the owner's database, around a pooler where there is one. What it leaves behind
   * (settings, advisory locks, an open transaction) has ended when this settles.
   *
   * The signal ends the wait; later it cancels the running statement and closes the connection, so that no other one
   * can follow. What `work` throws then is dropped in favour of the signal's reason.
   *
   * @throws OwnerConnectionTimeoutError, TargetUnavailableError, PoolEndedError, the signal's reason, what `work` throws
   */
  async use<T>(
    owner: ConnectionTarget,
    work: (client: pg.Client) => Promise<T>,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<T> {
    const target = sessionTarget(owner);
    if (this.ended) throw new PoolEndedError(targetName(target));
    const turns = this.limiterOf(target);
    const kept = await acquireSlot(turns, target, this.options.timeoutMs, signal);
    const connection = await this.connectionFor(target, turns, kept, signal);
    return this.runInterruptibly(connection, work, signal, () => this.giveBack(connection, target, turns));
  }

  /** Gives what is under way until the deadline, then cancels it; nothing of it is left connected. */
  async onApplicationShutdown(): Promise<void> {
    this.ended = true;
    for (const [server, turns] of this.limiters) turns.close(new PoolEndedError(`the owner of ${server}`));
    const finished = Promise.all(this.running.values());
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.shutdownTimeoutMs);
    });
    await Promise.race([finished, late]);
    clearTimeout(timer);
    const left = [...this.running];
    for (const [interrupt] of left) interrupt(new PoolEndedError('the owner'));
    await Promise.all(left.map(([, closed]) => closed));
  }

  private async runInterruptibly<T>(
    connection: PhysicalConnection,
    work: (client: pg.Client) => Promise<T>,
    signal: AbortSignal | undefined,
    release: () => Promise<void>,
  ): Promise<T> {
    let interruption: { readonly reason: unknown } | undefined;
    let markEnded!: () => void;
    const ended = new Promise<void>((resolve) => (markEnded = resolve));
    const interrupt = (reason: unknown): void => {
      interruption ??= { reason };
      connection.close(); // cancels the statement that runs, and refuses those that would follow
      void connection.closed.then(markEnded);
    };
    const onAbort = (): void => interrupt(signal?.reason);
    signal?.addEventListener('abort', onAbort);
    this.running.set(interrupt, ended);
    try {
      signal?.throwIfAborted();
      return await work(connection.client);
    } catch (error) {
      throw interruption ? interruption.reason : error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      await release();
      this.running.delete(interrupt);
      markEnded();
    }
  }

  private async connectionFor(
    target: ConnectionTarget,
    turns: AdminConnectionLimiter,
    kept: PhysicalConnection | undefined,
    signal: AbortSignal | undefined,
  ): Promise<PhysicalConnection> {
    if (kept) {
      if (await kept.respondsAsPrimary(RESPONSE_TIMEOUT_MS)) return kept;
      kept.close();
      await kept.closed;
    }
    try {
      return await this.open(target, turns, signal);
    } catch (error) {
      turns.release();
      signal?.throwIfAborted();
      throw new TargetUnavailableError(targetName(target), error);
    }
  }

  private open(
    target: ConnectionTarget,
    turns: AdminConnectionLimiter,
    signal: AbortSignal | undefined,
  ): Promise<PhysicalConnection> {
    const { statement_timeout: _server, query_timeout: _client, ...config } = clientConfig(target, this.options);
    return runWithoutContext(() =>
      PhysicalConnection.open(
        { ...config, application_name: 'tenantry owner' },
        {
          now: () => performance.now(),
          retireAt: Infinity,
          onLost: (lost) => turns.closeIdle(lost),
          ...(signal && { signal }),
        },
      ),
    );
  }

  private async giveBack(
    connection: PhysicalConnection,
    target: ConnectionTarget,
    turns: AdminConnectionLimiter,
  ): Promise<void> {
    const isClean = await resetSession(connection, RESPONSE_TIMEOUT_MS);
    if (isClean && this.options.reuse && !this.ended) {
      turns.keepIdle(connection, target);
      return;
    }
    connection.close();
    await connection.closed; // its locks are free when this settles
    turns.release();
  }

  private limiterOf({ server }: ConnectionTarget): AdminConnectionLimiter {
    let turns = this.limiters.get(server.id);
    if (!turns) this.limiters.set(server.id, (turns = new AdminConnectionLimiter(MAX_ADMIN_CONNECTIONS)));
    return turns;
  }
}
