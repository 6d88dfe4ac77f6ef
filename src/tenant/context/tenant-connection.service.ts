import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import type { TenantLimits } from '../../catalog/model/tenant-limits.js';
import type { Tenant } from '../../catalog/model/tenant.js';
import { setNewest } from '../../platform/bounded-map.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import type { BatchManager, BatchOperation } from '../../database/batches/batch-manager.js';
import { type BatchResults, runBatch } from '../../database/batches/run-batch.js';
import { sourceOf } from '../../database/data-source/tenant-data-source.js';
import { type Placement, TenantDataSources } from '../../database/data-source/tenant-data-sources.js';
import { type ConnectionTarget, sameConnections } from '../../database/connection/connection-target.js';
import { SessionRefusedError } from '../../database/gates/closed-gate.js';
import { runLimitedTransaction, type TransactionOptions } from '../../database/data-source/limited-transaction.js';
import { ConnectionPools } from '../../database/pool/connection-pools.js';
import { Shutdown } from '../../platform/shutdown/shutdown.js';
import type { SessionLease, SessionOptions } from '../../database/transactions/session-lease.js';
import { ReplicaReadOnlyError } from '../../database/replicas/replicas.errors.js';
import { currentReplicaScope } from '../../database/statements/positions/replica-scope.js';
import type { StampKey } from '../../database/isolation/stamp-key.js';
import { currentUsage } from '../../database/statements/usage.js';
import { countRun } from '../usage/count-run.js';
import { RunningInstances } from '../limits/running-instances.js';
import { StoredAmounts } from '../limits/stored-amounts.js';
import { UsageCounter } from '../usage/usage-counter.js';
import { TenantCarriers } from '../carrier/tenant-carriers.js';
import { TARGET } from '../directory/cached-kinds.js';
import { TenantAvailability } from '../admission/tenant-availability.js';
import { TenantContext, type TenantScope } from './tenant-context.js';
import { TenantRelocation } from './tenant-relocation.js';
import { WithinTenantContextError } from '../fleet/fleet.errors.js';
import { TenantFleet } from '../fleet/tenant-fleet.js';
import type { TenantFilter } from '../fleet/tenant-filter.js';
import type { ReportQuery } from '../fleet/tenant-report.js';
import { TenantReportReader } from '../fleet/tenant-report-reader.js';
import type { AcrossTenantsOptions, TenantReports } from '../fleet/tenant-reports.js';
import type { ForEachTenantOptions, TenantResults } from '../fleet/tenant-results.js';
import { TenantLookup } from '../directory/tenant-lookup.js';
import { TenantGoneError, TenantUnavailableError } from '../admission/admission.errors.js';
import { type EffectiveSettings, SettingsReader } from '../settings/settings-reader.js';
import { type ReplicaReadOptions, runInReplicaScope } from '../replicas/replica-scope.js';
import { UnknownTenantError } from './context.errors.js';

const DATA_SOURCE_LIMITS = [
  ...(['maxConcurrentStatements', 'maxQueuedStatements'] as const),
  ...(['maxConnections', 'maxStoredBytes', 'maxStoredRows'] as const),
] as const satisfies readonly (keyof TenantLimits)[];

interface OpenTenant {
  readonly scope: TenantScope;
  readonly effective: EffectiveSettings;
  readonly placement: Placement & { readonly limits: TenantLimits };
}

/** The only way from tenants to databases: returns a tenant's `DataSource`, and closes every pool at shutdown. */
@Injectable()
export class TenantConnectionService implements OnApplicationShutdown {
  private readonly logger = new Logger(TenantConnectionService.name);
  // Bounded like the cache it is built from; re-creating an evicted entry takes 0.1 ms.
  private readonly open = new Map<string, OpenTenant>();
  private readonly relocation: TenantRelocation;

  /** @internal */
  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    private readonly dataSources: TenantDataSources,
    private readonly pools: ConnectionPools,
    private readonly lookup: TenantLookup,
    private readonly context: TenantContext,
    private readonly availability: TenantAvailability,
    private readonly shutdown: Shutdown,
    private readonly fleet: TenantFleet,
    private readonly reports: TenantReportReader,
    private readonly carriers: TenantCarriers,
    private readonly settings: SettingsReader,
    private readonly usage: UsageCounter,
    private readonly amounts: StoredAmounts,
    instances: RunningInstances,
  ) {
    this.relocation = new TenantRelocation(config.pool.timeoutMs, lookup, (tenant) => this.scope(tenant));
    dataSources.relocation = this.relocation;
    dataSources.instances = () => instances.count();
    shutdown.add('close tenant pools', (graceMs) => this.close(graceMs));
  }

  /** @throws TenantUnavailableError when the tenant has no placement yet */
  async dataSource(tenant: Tenant): Promise<DataSource> {
    return (await this.scope(tenant)).dataSource;
  }

  /** The tenant and its data source, for `TenantContext.run`. */
  async scope(tenant: Tenant): Promise<TenantScope> {
    return (await this.openTenant(tenant)).scope;
  }

  /** The scope if it is open and up to date, without waiting; undefined otherwise. */
  openScope(tenant: Tenant): TenantScope | undefined {
    const known = this.open.get(tenant.id);
    if (known?.scope.tenant !== tenant || tenant.targetId === null) return undefined;
    if (!this.settings.isCurrent(known.effective, tenant)) return undefined;
    return this.lookup.peek(TARGET, tenant.targetId) === known.placement.target ? known.scope : undefined;
  }

  /**
   * Runs `work`, and everything it awaits, for a tenant: in jobs, queues, scripts. HTTP requests already run in a
   * context. It has no principal, also within a request: that was verified for one call, for its own tenant.
   *
   * @throws UnknownTenantError, TenantSuspendedError, TenantUnavailableError
   */
  async run<T>(tenantOrSlug: Tenant | string, work: () => Promise<T>): Promise<T> {
    const tenant = typeof tenantOrSlug === 'string' ? await this.tenantNamed(tenantOrSlug) : tenantOrSlug;
    const operation = this.operationScope(tenant);
    if (operation) return this.context.run(operation, async () => work());
    this.availability.assertServed(tenant);
    // Awaited inside: queries of some libraries (Drizzle, Prisma) start when they are awaited.
    return this.runCounted(tenant, work);
  }

  /**
   * Runs `work` for every tenant of a filter, each in its own context as `run` does, a few at the same time. A tenant's
   * failure stops no other. The tenants are read from the catalog page by page, those that have been suspended or deleted
   * meanwhile are left out, and no tenant is begun once the process shuts down.
   *
   *     const { failed } = await connections.forEachTenant({ isolation: 'row' }, () => invoices.closeMonth());
   *
   * Never within a tenant's context: what a tenant's request calls must not reach all tenants because of a mistake.
   *
   * @throws WithinTenantContextError, InvalidFleetInputError, TenantListError, and what `onProgress` throws
   */
  async forEachTenant<T>(
    filter: TenantFilter,
    work: (tenant: Tenant) => Promise<T>,
    options?: ForEachTenantOptions<T>,
  ): Promise<TenantResults<T>> {
    this.assertOutside('forEachTenant');
    return this.fleet.forEach(filter, (tenant) => this.run(tenant, () => work(tenant)), options);
  }

  /**
   * Reads rows of every tenant of a filter, for operators' reports: one statement for each tenant, under its own stamp, as its
   * login role, in a transaction that PostgreSQL keeps from writing. No policy is widened. Each call is in the audit log, with
   * its reason, before anything is read. A tenant whose server is away has failed; the others have their rows.
   *
   *     const { results } = await connections.acrossTenants<{ orders: number }>(
   *       { isolation: 'row' }, 'SELECT count(*)::int AS orders FROM orders', { reason: 'monthly report' });
   *
   * Never within a tenant's context.
   *
   * @throws WithinTenantContextError, InvalidFleetInputError, TooManyRowsError, TenantListError, and the SQL guard's errors for
   *   anything but one statement on rows
   */
  async acrossTenants<Row extends object = Record<string, unknown>>(
    filter: TenantFilter,
    query: ReportQuery | string,
    options: AcrossTenantsOptions,
  ): Promise<TenantReports<Row>> {
    this.assertOutside('acrossTenants');
    return this.reports.read<Row>(filter, query, options, (tenant, read) =>
      this.run(tenant, () => read(this.context.current().dataSource)),
    );
  }

  /**
   * Runs `work`, and everything it awaits, for the tenant and the principal of a call that `TenantContext.capture` has captured,
   * on this instance or another one. The tenant is looked up, and must be served, now.
   *
   * @throws InvalidCarrierError, CarrierExpiredError, TenantGoneError, TenantSuspendedError, TenantUnavailableError
   */
  async resume<T>(carrier: string, work: () => Promise<T>): Promise<T> {
    return this.resumeAdmitted(carrier, work);
  }

  /**
   * The same.
   *
   * @internal
   * @param admit called before the work begins, and before it counts as the tenant's. @throws what keeps the work from being done
   */
  async resumeAdmitted<T>(
    carrier: string,
    work: () => Promise<T>,
    admit?: (scope: TenantScope) => unknown,
  ): Promise<T> {
    const { tenantId, principal } = this.carriers.open(carrier);
    const tenant = await this.lookup.byId(tenantId);
    if (!tenant) throw new TenantGoneError();
    this.availability.assertServed(tenant);
    await admit?.(await this.scope(tenant));
    return this.runCounted(tenant, work, principal);
  }

  /** Within a request, or another run, that is what its usage is counted with. */
  private async runCounted<T>(tenant: Tenant, work: () => Promise<T>, principal?: unknown): Promise<T> {
    const scope = await this.scope(tenant);
    if (currentUsage() || !this.usage.isEnabled) return this.context.run(scope, async () => work(), { principal });
    return countRun(this.usage, tenant.id, (usage) =>
      this.context.run(scope, async () => work(), { principal, usage }),
    );
  }

  /**
   * One transaction of the current tenant; rolled back when `work` throws.
   *
   * @throws InvalidStatementTimeoutError
   */
  transaction<T>(work: (manager: EntityManager) => Promise<T>, options?: TransactionOptions): Promise<T> {
    const { dataSource } = this.context.current();
    return options ? runLimitedTransaction(dataSource, work, options) : dataSource.transaction(work);
  }

  /**
   * Runs `work`, and everything it awaits, where reads of the current tenant may go to a read replica of its server: one that has
   * what the caller has written, and is not too far behind. Otherwise, and where there is none, they go to the server itself.
   * What writes is refused. Transactions and streams run on the server itself, read-only.
   *
   *     const rows = await connections.replica((manager) => manager.find(Order));
   *
   * @param work receives the tenant's entity manager; repositories and `TenantPool` are read from a replica as well
   * @throws NoTenantContextError, InvalidStalenessError, ReplicaReadOnlyError (something writes), and what `work` throws
   */
  async replica<T>(work: (manager: EntityManager) => Promise<T>, options: ReplicaReadOptions = {}): Promise<T> {
    const { manager } = this.context.current().dataSource;
    // Awaited inside: queries of some libraries start when they are awaited.
    return runInReplicaScope(async () => work(manager), options);
  }

  /**
   * Statements of the current tenant that do not need one another's answers, in one atomic step: one write and one round
   * trip, instead of four for a transaction of two statements. All take effect, or none.
   *
   *     const [orders] = await connections.batch((batch) => [batch.insert(Order, order), batch.insert(OrderLine, lines)]);
   *
   * @param work returns the operations of its manager; called once, at once
   * @throws InvalidBatchError, BatchSentError, and the error of the operation that failed
   */
  async batch<const Operations extends readonly BatchOperation<unknown>[]>(
    work: (manager: BatchManager) => Operations,
  ): Promise<BatchResults<Operations>> {
    return runBatch(this.context.current().dataSource, work);
  }

  /**
   * Runs `work` with an exclusive connection of the current tenant, for `SET`, notifications, locks and
   * temporary tables. It is held until `work` settles, then cleaned with `DISCARD ALL`. Within `work` its statements fail
   * with `LEASE_EXPIRED` after `DB_LEASE_TIMEOUT`, or `DB_LEASE_IDLE_TIMEOUT` without any; `isUnlimited` exempts it.
   */
  async session<T>(work: (session: SessionLease) => Promise<T>, options?: SessionOptions): Promise<T> {
    const { tenant, dataSource } = this.context.current();
    if (currentReplicaScope()) throw new ReplicaReadOnlyError('a session');
    const { access } = sourceOf(dataSource);
    const since = performance.now();
    for (let current = tenant; ;) {
      try {
        return await this.sessionOf(current, access.isOperation, work, options);
      } catch (error) {
        if (!(error instanceof SessionRefusedError)) throw error;
        await access.afterRefusal(error.cause, since);
        current = (await this.lookup.byId(tenant.id)) ?? tenant;
      }
    }
  }

  private async sessionOf<T>(
    tenant: Tenant,
    isOperation: boolean,
    work: (session: SessionLease) => Promise<T>,
    options?: SessionOptions,
  ): Promise<T> {
    const opened = await this.openTenant(tenant);
    const placement = { ...opened.placement, isOperation };
    const currentKey = (): StampKey | undefined => this.lookup.peek(TARGET, placement.target.id)?.stampKey;
    return this.dataSources.session(placement, work, options, currentKey);
  }

  /** Within a hook of the tenant: the hook's scope, which is open while the tenant is not served. */
  private operationScope({ id }: Tenant): TenantScope | undefined {
    if (!this.context.isOpen) return undefined;
    const { principal: _, ...scope } = this.context.current();
    const { tenant, dataSource } = scope;
    const isOfHook = tenant.id === id && sourceOf(dataSource).access.isOperation;
    return isOfHook ? scope : undefined;
  }

  /** When it resolves, every pool is closed. */
  onApplicationShutdown(): Promise<void> {
    return this.shutdown.run('close tenant pools');
  }

  private async close(graceMs: number): Promise<void> {
    await this.pools.close(graceMs);
    this.open.clear();
    this.logger.log('All connection pools closed');
  }

  private assertOutside(method: string): void {
    if (this.context.isOpen) throw new WithinTenantContextError(method);
  }

  private async tenantNamed(slug: string): Promise<Tenant> {
    const tenant = await this.lookup.bySlug(slug);
    if (!tenant) throw new UnknownTenantError(slug);
    return tenant;
  }

  private async openTenant(tenant: Tenant): Promise<OpenTenant> {
    const known = this.open.get(tenant.id);
    const effective = await this.effectiveOf(tenant, known);
    const { limits } = effective;
    const growth = this.amounts.growthOf(tenant.id, limits);
    if (growth) await this.amounts.load(tenant.id);
    const placement = { ...(await this.placementOf(tenant)), limits, growth };
    const isReusable = known && isSamePlacement(known.placement, placement);
    const isSameTenant = known?.scope.tenant === tenant && known.effective === effective;
    if (isReusable && isSameTenant && known.placement.target === placement.target) return known;
    const dataSource = isReusable ? known.scope.dataSource : this.dataSources.create(placement);
    if (known && hasMoved(known.placement, placement)) {
      sourceOf(known.scope.dataSource).access.succeedBy(sourceOf(dataSource).access);
    }
    const { settings, features } = effective;
    const scope = Object.freeze({ tenant, dataSource, settings, features, limits });
    const opened = { scope, effective, placement };
    setNewest(this.open, tenant.id, opened, this.config.cache.memoryMaxEntries);
    return opened;
  }

  /** Computed once for each version of the tenant and of its plan. */
  private async effectiveOf(tenant: Tenant, known: OpenTenant | undefined): Promise<EffectiveSettings> {
    if (known?.scope.tenant === tenant && this.settings.isCurrent(known.effective, tenant)) return known.effective;
    return this.settings.read(tenant);
  }

  private async placementOf(tenant: Tenant): Promise<Omit<Placement, 'limits'>> {
    const target = tenant.targetId === null ? null : await this.lookup.target(tenant.targetId);
    if (!target || tenant.schema === null) throw new TenantUnavailableError('this tenant has no database yet');
    const { id: tenantId, schema, isMoving } = tenant;
    return { tenantId, schema, target, isMoving };
  }
}

/** Not by the version alone: a catalog that has lost changes gives the same one twice. */
function isSameTarget(a: ConnectionTarget, b: ConnectionTarget): boolean {
  if (a === b) return true;
  return a.id === b.id && a.version === b.version && a.stampKey === b.stampKey && sameConnections(a, b);
}

function isSamePlacement(a: OpenTenant['placement'], b: OpenTenant['placement']): boolean {
  return (
    a.schema === b.schema &&
    a.isMoving === b.isMoving &&
    isSameTarget(a.target, b.target) &&
    isSameLimits(a.limits, b.limits)
  );
}

/** Those that a data source is created with. */
function isSameLimits(a: TenantLimits, b: TenantLimits): boolean {
  return DATA_SOURCE_LIMITS.every((name) => a[name] === b[name]);
}

/** Whether those who still use the former place have to follow. */
function hasMoved(former: Placement, now: Placement): boolean {
  return former.schema !== now.schema || former.target.id !== now.target.id || former.isMoving !== now.isMoving;
}
