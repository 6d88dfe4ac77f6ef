import { Logger } from '@nestjs/common';
import { type AcquireRequest, type PooledConnection } from './connection-pool.js';
import { targetName } from '../connection/connection-target.js';
import { DirectSlots } from './direct-slots.js';
import { CheckedOutConnection } from './checked-out-connection.js';
import { PoolTimeoutError } from './pool.errors.js';
import { UnsafeRoleError } from '../connection/connection.errors.js';
import { TargetUnavailableError } from '../connection/connection.errors.js';
import { PhysicalConnection, REVOKE_GRACE_MS } from '../connection/physical-connection.js';
import { clientConfig, type PoolOptions, roleCheckOptions } from './pool-options.js';
import { ResultLimit } from '../connection/result-limit.js';
import { assertRoleIsSubjectToPolicies } from '../connection/role-check.js';
import type { TargetPool } from './target-pool.js';
import type { Rejection } from './admission.js';

/**
 * Direct connections for when the pool itself fails (a defect). Not used when the pool is exhausted, its database is
 * down or its login is rejected, where they would only defeat the limits. At most `DB_POOL_SIZE` at a time, within the
 * server's budget; further callers wait until earlier ones have closed, as they would wait for a connection of the pool.
 */
export class DirectFallback {
  private readonly logger = new Logger('ConnectionPools');
  private readonly slots: DirectSlots;
  private hasIncident = false;
  private readonly checkedOut = new Set<CheckedOutConnection>();

  constructor(private readonly options: PoolOptions) {
    this.slots = new DirectSlots(options.size);
  }

  /** Called when the pool has served a request; the next failure is a new incident. */
  recovered(): void {
    if (!this.hasIncident) return;
    this.hasIncident = false;
    this.logger.log('Connection pool recovered');
  }

  /** @throws PoolTimeoutError, TargetUnavailableError, UnsafeRoleError, or the signal's reason */
  async acquire(pool: TargetPool, request: AcquireRequest, cause: unknown): Promise<PooledConnection> {
    this.report(pool, cause);
    const { timeoutMs } = this.options;
    if (!(await this.slots.acquire(pool.budget, { timeoutMs, signal: request.signal }))) {
      throw new PoolTimeoutError(targetName(pool.target), pool.counts(), timeoutMs);
    }
    try {
      return this.checkOut(pool, await this.connect(pool), request.tenantId);
    } catch (error) {
      this.slots.release(pool.budget);
      throw error instanceof UnsafeRoleError ? error : new TargetUnavailableError(targetName(pool.target), error);
    }
  }

  /** Tenants that hold a direct connection. */
  tenantsInUse(): string[] {
    return Array.from(this.checkedOut, ({ tenantId }) => tenantId);
  }

  /** Revokes the tenant's direct connections. @returns how many */
  revoke(tenantId: string, rejection: Rejection): number {
    const revoked = [...this.checkedOut].filter((checkedOut) => checkedOut.tenantId === tenantId);
    for (const checkedOut of revoked) {
      checkedOut.connection.close(REVOKE_GRACE_MS);
      checkedOut.revoke(rejection());
    }
    return revoked.length;
  }

  private checkOut(pool: TargetPool, connection: PhysicalConnection, tenantId: string): PooledConnection {
    const release = (released: CheckedOutConnection): void => {
      this.checkedOut.delete(released);
      this.close(pool, connection);
    };
    const checkedOut = new CheckedOutConnection({ release }, connection, tenantId, undefined);
    this.checkedOut.add(checkedOut);
    return checkedOut;
  }

  private async connect(pool: TargetPool): Promise<PhysicalConnection> {
    const connection = await PhysicalConnection.open(clientConfig(pool.target, this.options), {
      now: () => performance.now(),
      retireAt: Infinity,
      onLost: () => undefined,
    });
    try {
      await assertRoleIsSubjectToPolicies(connection.client, pool.target, roleCheckOptions(this.options));
      ResultLimit.set(connection.client, this.options.maxResultBytes);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  private close(pool: TargetPool, connection: PhysicalConnection): void {
    connection.close();
    void connection.closed.then(() => this.slots.release(pool.budget));
  }

  private report(pool: TargetPool, cause: unknown): void {
    if (this.hasIncident) return;
    this.hasIncident = true;
    const reason = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    this.logger.error(`Connection pool of ${targetName(pool.target)} failed; using direct connections`, reason);
  }
}
