import type { EventEmitter } from 'node:events';
import { callbackify } from 'node:util';
import { Inject, Injectable } from '@nestjs/common';
import pg from 'pg';
import { sourceOf } from '../../database/data-source/tenant-data-source.js';
import type { PoolCounts } from '../../database/pool/pool.errors.js';
import { isSubmittable, type QueryInput } from '../../database/transactions/stamped-client.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { TenantContext } from '../context/tenant-context.js';
import type { ConnectCallback, PoolConnect, PoolEnd, PoolQuery, PoolSettings } from './pool-types.js';
import { RefusedClient } from './tenant-pool.errors.js';
import { callbackOf, deliver, type QueryCallback } from './query-callback.js';
import { type ReleaseReason, TenantPoolClient } from './tenant-pool-client.js';

type EndCallback = () => void;

const NO_COUNTS: PoolCounts = { total: 0, busy: 0, idle: 0, waiting: 0 };

/**
 * What `pg.Pool` is, for the tenant of the current context: query builders and ORMs that run on node-postgres are created
 * once with it, and each of their calls reaches the rows of the tenant that it is made for.
 *
 * It is a `pg.Pool` to `instanceof`, which Drizzle and Prisma's adapter ask: without, they would open connections of their
 * own, or run a transaction's statements on different ones. It never opens any; those of `TenantryModule` are used.
 *
 * `connect`, `acquire`, `release` and `remove` are emitted for the clients of `connect()`, each of which is new. `error` is
 * not: a statement that fails rejects, and there are no idle clients.
 */
@Injectable()
export class TenantPool extends (pg.Pool as unknown as new (options: object) => EventEmitter) {
  /** After `end()`: nothing can be sent any more. The tenants' connections stay open for others. */
  declare ending: boolean;
  /** After `end()`, once all clients have been released. */
  declare ended: boolean;
  declare readonly options: PoolSettings;
  /** @throws NoTenantContextError outside a tenant's context, and what TypeORM's statements of the tenant throw */
  readonly query = this.send.bind(this) as PoolQuery;
  /** A client of the current tenant, to be released by its caller. @throws NoTenantContextError */
  readonly connect = this.checkOut.bind(this) as PoolConnect<TenantPoolClient>;
  readonly end = this.endWith.bind(this) as PoolEnd;
  private readonly checkedOut = new Set<TenantPoolClient>();
  private onEnded: EndCallback | undefined;

  /** @internal */
  constructor(
    private readonly context: TenantContext,
    @Inject(APP_CONFIG) { pool }: AppConfig,
  ) {
    super({ max: pool.size + pool.maxOverflow, Client: RefusedClient });
  }

  /** The connections to the current tenant's database; 0 outside a tenant's context. */
  get totalCount(): number {
    return this.counts.total;
  }

  get idleCount(): number {
    return this.counts.idle;
  }

  /** Calls that wait for a connection to the current tenant's database, of all tenants in it. */
  get waitingCount(): number {
    return this.counts.waiting;
  }

  get expiredCount(): number {
    return 0;
  }

  private get counts(): PoolCounts {
    if (!this.context.isOpen) return NO_COUNTS;
    return sourceOf(this.context.current().dataSource).access.pool.counts();
  }

  private send(input: QueryInput, values?: readonly unknown[] | QueryCallback, callback?: QueryCallback): unknown {
    try {
      return this.createClient().query(input, values, callback);
    } catch (error) {
      if (isSubmittable(input)) throw error;
      return deliver(Promise.reject(error), callbackOf(input, values, callback));
    }
  }

  /** @throws NoTenantContextError */
  private createClient(onRelease?: (client: TenantPoolClient, error: ReleaseReason) => void): TenantPoolClient {
    if (this.ending) throw new Error('Cannot use a pool after calling end on the pool'); // pg-pool's message
    return new TenantPoolClient(sourceOf(this.context.current().dataSource), onRelease);
  }

  private checkOut(callback?: ConnectCallback<TenantPoolClient>): Promise<TenantPoolClient> | undefined {
    const checkout = this.checkOutClient();
    if (!callback) return checkout;
    checkout.then(
      (client) => process.nextTick(callback, undefined, client, (error?: Error | boolean) => client.release(error)),
      (error: unknown) => process.nextTick(callback, error as Error, undefined, () => undefined),
    );
    return undefined;
  }

  private async checkOutClient(): Promise<TenantPoolClient> {
    const client = this.createClient((released, error) => this.afterRelease(released, error));
    this.checkedOut.add(client);
    try {
      this.emit('connect', client);
      this.emit('acquire', client);
    } catch (error) {
      this.checkedOut.delete(client); // its caller does not receive it
      throw error;
    }
    return client;
  }

  private afterRelease(client: TenantPoolClient, error: ReleaseReason): void {
    this.checkedOut.delete(client);
    this.emit('release', error, client);
    this.emit('remove', client);
    if (this.ending && this.checkedOut.size === 0) this.markEnded();
  }

  private endWith(callback?: EndCallback): Promise<void> | undefined {
    const ending = this.endOnce();
    if (!callback) return ending;
    callbackify(() => ending)(callback);
    return undefined;
  }

  private async endOnce(): Promise<void> {
    if (this.ending) throw new Error('Called end on pool more than once'); // pg-pool's message
    this.ending = true;
    const released = new Promise<void>((resolve) => (this.onEnded = resolve));
    if (this.checkedOut.size === 0) this.markEnded();
    await released;
  }

  private markEnded(): void {
    this.ended = true;
    this.onEnded?.();
  }
}
