import { Logger } from '@nestjs/common';
import { type AcquireRequest, type PooledConnection } from './connection-pool.js';
import { targetName } from '../connection/connection-target.js';
import { CheckedOutConnection } from './checked-out-connection.js';
import { PoolTimeoutError } from './pool.errors.js';
import { UnsafeRoleError } from '../connection/connection.errors.js';
import { TargetUnavailableError } from '../connection/connection.errors.js';
import { PhysicalConnection, REVOKE_GRACE_MS } from '../connection/physical-connection.js';
import { clientConfig, type PoolOptions } from './pool-options.js';
import { assertRoleIsHeldByPolicies } from '../connection/role-check.js';
import type { TargetPool } from './target-pool.js';
import type { Rejection } from './admission.js';

/**
 * Direct connections for when a pool itself fails: not when it is exhausted, its database is down or its login refused,
 * where they would only defeat the limits. As many at once as the pool would keep, within the server's budget.
 */
export class DirectFallback {
  private readonly logger = new Logger('ConnectionPools');
  private open = 0;
  private incident = false;
  private readonly checkedOut = new Set<CheckedOutConnection>();

  constructor(private readonly options: PoolOptions) {}

  /** The pool works again; the next failure is a new incident. */
  recovered(): void {
    if (!this.incident) return;
    this.incident = false;
    this.logger.log('The connection pool works again');
  }

  /** @throws PoolTimeoutError when as many are open as may be, TargetUnavailableError, UnsafeRoleError */
  async acquire(pool: TargetPool, request: AcquireRequest, cause: unknown): Promise<PooledConnection> {
    this.report(pool, cause);
    if (this.open >= this.options.size || !pool.budget.takeNow()) {
      throw new PoolTimeoutError(targetName(pool.target), pool.counts(), 0);
    }
    this.open += 1;
    try {
      return this.checkOut(pool, await this.connect(pool), request.tenantId);
    } catch (error) {
      this.gone(pool);
      throw error instanceof UnsafeRoleError ? error : new TargetUnavailableError(targetName(pool.target), error);
    }
  }

  /** Tenants that hold one. */
  tenantsInUse(): string[] {
    return Array.from(this.checkedOut, ({ tenantId }) => tenantId);
  }

  /** Takes a tenant's connections from whoever holds them. @returns how many */
  revoke(tenantId: string, refusal: Rejection): number {
    const found = [...this.checkedOut].filter((lent) => lent.tenantId === tenantId);
    for (const lent of found) {
      lent.connection.close(REVOKE_GRACE_MS);
      lent.revoke(refusal());
    }
    return found.length;
  }

  private checkOut(pool: TargetPool, connection: PhysicalConnection, tenantId: string): PooledConnection {
    const giveBack = (lent: CheckedOutConnection): void => {
      this.checkedOut.delete(lent);
      this.close(pool, connection);
    };
    const lent = new CheckedOutConnection({ release: giveBack }, connection, tenantId, undefined);
    this.checkedOut.add(lent);
    return lent;
  }

  private async connect(pool: TargetPool): Promise<PhysicalConnection> {
    const connection = await PhysicalConnection.open(clientConfig(pool.target, this.options), {
      now: () => performance.now(),
      retireAt: Infinity,
      onLost: () => undefined,
    });
    try {
      await assertRoleIsHeldByPolicies(connection.client, pool.target, this.options.connectTimeoutMs);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  private close(pool: TargetPool, connection: PhysicalConnection): void {
    connection.close();
    void connection.closed.then(() => this.gone(pool));
  }

  private gone(pool: TargetPool): void {
    this.open -= 1;
    pool.budget.give();
  }

  private report(pool: TargetPool, cause: unknown): void {
    if (this.incident) return;
    this.incident = true;
    const reason = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    this.logger.error(`The pool of ${targetName(pool.target)} failed: serving over direct connections`, reason);
  }
}
