import { Inject, Injectable } from '@nestjs/common';
import type pg from 'pg';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { targetName, type ConnectionTarget, sessionTarget } from '../connection/connection-target.js';
import { runWithoutContext } from '../../platform/run-without-context.js';
import { Shutdown } from '../../platform/shutdown/shutdown.js';
import { PhysicalConnection } from '../connection/physical-connection.js';
import { PoolEndedError } from '../pool/pool.errors.js';
import { TargetUnavailableError } from '../connection/connection.errors.js';
import { type PoolOptions, poolOptions } from '../pool/pool-options.js';
import { clientConfig } from '../connection/client-config.js';
import { endsWithin } from '../../platform/timeout.js';
import { resetSession } from './reset-session.js';
import { AdminConnectionLimiter } from './admin-connection-limiter.js';
import { acquireSlot } from './acquire-slot.js';

/** Maximum per server, across all its databases. Tenant pools leave these connections free. */
export const MAX_ADMIN_CONNECTIONS = 4;

/** How long an idle connection may take to prove that it still works, and a used one to reset its session. */
const RESPONSE_TIMEOUT_MS = 2_000;

/** Stops one use of a connection; the use then rejects with the reason. */
type Interrupt = (reason: unknown) => void;

/**
 * Connections of the owner role, which creates and migrates databases; tenants are never served over them. They have no
 * statement timeout, because creating a database or an index may take any length of time.
 */
@Injectable()
export class AdminConnections {
  private readonly options: PoolOptions;
  private readonly limiters = new Map<string, AdminConnectionLimiter>();
  private readonly running = new Map<Interrupt, Promise<void>>();
  private ended = false;

  constructor(@Inject(APP_CONFIG) config: AppConfig, shutdown: Shutdown = new Shutdown()) {
    this.options = poolOptions(config);
    shutdown.add('close admin connections', (graceMs) => this.close(graceMs));
  }

  /**
   * Runs `work` on a connection to the owner's database, bypassing a pooler where there is one. By the time this settles,
   * everything that the work left in its session (settings, advisory locks, an open transaction) has ended.
   *
   * The signal ends the wait for a connection. During `work` it cancels the running statement and closes the connection, so
   * that no further statement can follow, and the signal's reason replaces the error that `work` then throws.
   *
   * @throws AdminConnectionTimeoutError, TargetUnavailableError, PoolEndedError, the signal's reason, the work's error
   */
  async use<T>(
    owner: ConnectionTarget,
    work: (client: pg.Client) => Promise<T>,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<T> {
    const target = sessionTarget(owner);
    if (this.ended) throw new PoolEndedError(targetName(target));
    const limiter = this.limiterOf(target);
    const idle = await acquireSlot(limiter, target, this.options.timeoutMs, signal);
    const connection = await this.connectionFor(target, limiter, idle, signal);
    return this.runInterruptibly(connection, work, signal, () => this.release(connection, target, limiter));
  }

  /** Waits `graceMs` for running work, then cancels it and waits until its connections are closed. */
  async close(graceMs: number): Promise<void> {
    this.ended = true;
    for (const [server, limiter] of this.limiters) limiter.close(new PoolEndedError(`the owner of ${server}`));
    await endsWithin(Promise.all(this.running.values()), graceMs);
    const remaining = [...this.running];
    for (const [interrupt] of remaining) interrupt(new PoolEndedError('the owner'));
    await Promise.all(remaining.map(([, closed]) => closed));
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
      connection.close(); // cancels the running statement and rejects any further one
      void connection.closed.then(markEnded);
    };
    const onAbort = (): void => interrupt(signal?.reason);
    signal?.addEventListener('abort', onAbort);
    this.running.set(interrupt, ended);
    try {
      signal?.throwIfAborted();
      if (this.ended) throw new PoolEndedError('the owner'); // since its connection was requested
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
    limiter: AdminConnectionLimiter,
    idle: PhysicalConnection | undefined,
    signal: AbortSignal | undefined,
  ): Promise<PhysicalConnection> {
    if (idle) {
      if (await idle.respondsAsPrimary(RESPONSE_TIMEOUT_MS)) return idle;
      idle.close();
      await idle.closed;
    }
    try {
      return await this.open(target, limiter, signal);
    } catch (error) {
      limiter.release();
      signal?.throwIfAborted();
      throw new TargetUnavailableError(targetName(target), error);
    }
  }

  private open(
    target: ConnectionTarget,
    limiter: AdminConnectionLimiter,
    signal: AbortSignal | undefined,
  ): Promise<PhysicalConnection> {
    const { statement_timeout: _server, query_timeout: _client, ...config } = clientConfig(target, this.options);
    return runWithoutContext(() =>
      PhysicalConnection.open(
        { ...config, application_name: 'tenantry owner' },
        {
          onLost: (lost) => limiter.closeIdle(lost),
          ...(signal && { signal }),
        },
      ),
    );
  }

  private async release(
    connection: PhysicalConnection,
    target: ConnectionTarget,
    limiter: AdminConnectionLimiter,
  ): Promise<void> {
    const isClean = await resetSession(connection, RESPONSE_TIMEOUT_MS);
    if (isClean && this.options.reuse && !this.ended) {
      limiter.keepIdle(connection, target);
      return;
    }
    connection.close();
    await connection.closed; // by then its locks are released
    limiter.release();
  }

  private limiterOf({ server }: ConnectionTarget): AdminConnectionLimiter {
    let limiter = this.limiters.get(server.id);
    if (!limiter) this.limiters.set(server.id, (limiter = new AdminConnectionLimiter(MAX_ADMIN_CONNECTIONS)));
    return limiter;
  }
}
