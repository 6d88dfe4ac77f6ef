import { Inject, Injectable } from '@nestjs/common';
import type pg from 'pg';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { applicationName } from '../../platform/postgres/application-name.js';
import { Shutdown } from '../../platform/shutdown/shutdown.js';
import { endsWithin } from '../../platform/timeout.js';
import { LentBudget } from '../budget/lent-budget.js';
import type { ReservedSlots } from '../budget/reserved-slots.js';
import type { ServerBudget } from '../budget/server-budget.js';
import { ServerBudgets } from '../budget/server-budgets.js';
import { clientConfig } from '../connection/client-config.js';
import { TargetUnavailableError } from '../connection/connection.errors.js';
import {
  type ConnectionTarget,
  sameConnections,
  type ServerAddress,
  sessionTarget,
  targetName,
} from '../connection/connection-target.js';
import { PhysicalConnection } from '../connection/physical-connection.js';
import type { OpenConnection } from '../pool/connection-opener.js';
import type { CheckedOutConnection } from '../pool/leases.js';
import { PoolEndedError, PoolTimeoutError } from '../pool/pool.errors.js';
import { type PoolOptions, poolOptions } from '../pool/pool-options.js';
import { TargetPool } from '../pool/target-pool.js';
import { AdminConnectionTimeoutError } from './admin-connection.errors.js';
import { resetSession } from './reset-session.js';

/** Maximum per server, across all its databases. */
export const MAX_ADMIN_CONNECTIONS = 4;
/**
 * Tenant pools leave one connection free, so that work that tenants wait for, on a table that is being migrated for
 * instance, can always continue. Of the others they may be in use when an operation needs them.
 */
export const KEPT_ADMIN_CONNECTIONS = 1;

/** How long a connection may take to prove that it still works, and to reset its session. */
const RESPONSE_TIMEOUT_MS = 2_000;
/** One that was idle, and one that is opened instead. */
const RESPONSE_ATTEMPTS = 2;

/** The owner as the pools' only tenant. */
const OWNER = {
  tenantId: 'owner',
  share: { maxConcurrent: MAX_ADMIN_CONNECTIONS, maxQueued: Infinity },
  hold: 'lease',
  isUnlimited: true,
} as const;

/**
 * Connections of the owner role, which creates and migrates databases; tenants are never served over them. They have no
 * statement timeout, because creating a database or an index may take any length of time.
 *
 * They come from pools like the tenants', with budgets that the servers' own lend slots to. A pool lasts from the first use of a database until
 * its last connection has closed.
 */
@Injectable()
export class AdminConnections {
  private readonly options: PoolOptions;
  private readonly slotsOf: (server: ServerAddress) => ReservedSlots;
  private readonly budgets = new Map<ReservedSlots, ServerBudget>();
  private readonly pools = new Set<TargetPool>();
  private ended = false;

  constructor(
    @Inject(APP_CONFIG) config: AppConfig,
    shutdown: Shutdown = new Shutdown(),
    budgets: ServerBudgets = new ServerBudgets(config),
  ) {
    this.slotsOf = budgets.reserveOnEach({ kept: KEPT_ADMIN_CONNECTIONS, max: MAX_ADMIN_CONNECTIONS });
    this.options = { ...poolOptions(config), size: 0, maxOverflow: MAX_ADMIN_CONNECTIONS };
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
    const held = await this.acquireResponding(target, signal);
    const { connection } = held.entry;
    const onAbort = (): void => {
      connection.close(); // cancels the running statement and rejects any further one
      held.revoke(signal?.reason as Error);
    };
    signal?.addEventListener('abort', onAbort);
    try {
      signal?.throwIfAborted();
      if (this.ended) throw new PoolEndedError(targetName(target)); // since its connection was requested
      return await work(connection.client);
    } catch (error) {
      throw held.revoked ?? error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      await this.release(held);
    }
  }

  /** Waits `graceMs` for running work, then cancels it and waits until its connections are closed. */
  async close(graceMs: number): Promise<void> {
    this.ended = true;
    const closed = Promise.all(Array.from(this.pools, (pool) => pool.end()));
    if (await endsWithin(closed, graceMs)) return;
    for (const pool of this.pools) {
      pool.revoke(OWNER.tenantId, () => new PoolEndedError(targetName(pool.target)));
      pool.abandonOpenings();
    }
    await closed;
  }

  /** A task is not repeated when its connection turns out to be dead, as a tenant's read is. */
  private async acquireResponding(
    target: ConnectionTarget,
    signal: AbortSignal | undefined,
  ): Promise<CheckedOutConnection> {
    for (let attempt = 1; attempt <= RESPONSE_ATTEMPTS; attempt += 1) {
      const held = await this.acquire(target, signal);
      if (await held.entry.connection.respondsAsPrimary(RESPONSE_TIMEOUT_MS)) return held;
      held.release('it does not respond');
    }
    throw new TargetUnavailableError(targetName(target), new Error('its connections do not respond'));
  }

  private async acquire(target: ConnectionTarget, signal: AbortSignal | undefined): Promise<CheckedOutConnection> {
    if (this.ended) throw new PoolEndedError(targetName(target));
    const pool = this.poolOf(target);
    try {
      return await pool.acquire({ ...OWNER, ...(signal && { signal }) });
    } catch (error) {
      if (!(error instanceof PoolTimeoutError)) throw error;
      const { open, waiting } = pool.budget;
      throw new AdminConnectionTimeoutError(target.server.id, open, waiting, error.waitedMs);
    }
  }

  /** Keeps a connection for the next use of its database only when its session is as new. */
  private async release(held: CheckedOutConnection): Promise<void> {
    const { connection } = held.entry;
    const isReusable =
      this.options.reuse && !this.ended && !held.revoked && (await resetSession(connection, RESPONSE_TIMEOUT_MS));
    held.release(isReusable ? undefined : 'its session is not used again');
    if (!isReusable) await connection.closed; // by then its locks are released
  }

  /** Compares by value, because the owner's target objects are created for each use. */
  private poolOf(target: ConnectionTarget): TargetPool {
    let found: TargetPool | undefined;
    for (const pool of this.pools) {
      if (pool.target.server.id === target.server.id && sameConnections(pool.target, target)) found = pool;
      else this.endWhenUnused(pool);
    }
    return found ?? this.createPool(target);
  }

  private createPool(target: ConnectionTarget): TargetPool {
    const slots = this.slotsOf(target.server);
    const budget = this.budgets.get(slots) ?? new LentBudget(slots);
    this.budgets.set(slots, budget);
    const pool = new TargetPool({ target, options: this.options, budget, openConnection: openAdminConnection });
    this.pools.add(pool);
    return pool;
  }

  private endWhenUnused(pool: TargetPool): void {
    const { total, waiting } = pool.counts();
    if (total + waiting > 0) return;
    this.pools.delete(pool);
    void pool.end();
  }
}

const openAdminConnection: OpenConnection = (target, options, open) => {
  const { statement_timeout: _server, query_timeout: _client, ...config } = clientConfig(target, options);
  return PhysicalConnection.open({ ...config, application_name: applicationName('owner', options.instanceId) }, open);
};
