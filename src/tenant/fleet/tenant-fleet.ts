import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { Tenant } from '../../catalog/model/tenant.js';
import { Shutdown } from '../../platform/shutdown/shutdown.js';
import { TenantLookup } from '../directory/tenant-lookup.js';
import { InvalidFleetInputError, TenantListError } from './fleet.errors.js';
import { runSideBySide } from './side-by-side.js';
import { type CheckedFilter, checkedFilter, type TenantFilter } from './tenant-filter.js';
import { countTenants, tenantsOf } from './tenant-list.js';
import type { ForEachTenantOptions, TenantIdentity, TenantResult, TenantResults } from './tenant-results.js';

const concurrency = z.int().min(1).max(64).default(4);

const optionsSchema = z.strictObject({
  concurrency,
  signal: z.instanceof(AbortSignal).optional(),
  onProgress: z.custom<ForEachTenantOptions['onProgress']>((value) => typeof value === 'function').optional(),
  keep: z.enum(['all', 'failed']).default('all'),
});

/** Runs work for many tenants, for `TenantConnectionService`. */
@Injectable()
export class TenantFleet {
  private readonly running = new Set<Promise<unknown>>();

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(TenantLookup) private readonly lookup: Pick<TenantLookup, 'byId'>,
    private readonly shutdown: Shutdown,
  ) {
    shutdown.add('finish requests', () => Promise.allSettled(this.running));
  }

  /**
   * @param work runs in the tenant's context, as the caller sees to
   * @throws InvalidFleetInputError, TenantListError
   */
  async forEach<T>(
    filter: TenantFilter,
    work: (tenant: Tenant) => Promise<T>,
    options: ForEachTenantOptions<T> = {},
  ): Promise<TenantResults<T>> {
    const checked = checkedFilter(filter);
    const parsed = optionsSchema.safeParse(options);
    if (!parsed.success) throw new InvalidFleetInputError(`forEachTenant: ${z.prettifyError(parsed.error)}`);
    const run = this.run(checked, work, { ...options, concurrency: parsed.data.concurrency });
    const ended = run.finally(() => this.running.delete(ended));
    this.running.add(ended);
    return ended;
  }

  private async run<T>(
    filter: CheckedFilter,
    work: (tenant: Tenant) => Promise<T>,
    { concurrency: lanes, signal, onProgress, keep }: ForEachTenantOptions<T> & { readonly concurrency: number },
  ): Promise<TenantResults<T>> {
    const results: TenantResult<T>[] = [];
    const counts = { done: 0, failed: 0 };
    const total = onProgress ? await countTenants(this.catalog, filter) : 0;
    const runOne = async (identity: TenantIdentity): Promise<void> => {
      const result = await this.resultOf(identity, filter, work);
      if (!result) return;
      counts[result.status] += 1;
      if (keep !== 'failed' || result.status === 'failed') results.push(result);
      await onProgress?.({ ...counts, total, result });
    };
    const list = new TenantQueue(this.catalog, filter, () => signal?.aborted === true || this.shutdown.hasBegun);
    await runSideBySide(list.next(), lanes, runOne);
    const outcome = { ...counts, isComplete: list.isExhausted, results };
    if (list.failure) throw new TenantListError(outcome, list.failure.error);
    return outcome;
  }

  /** Undefined for a tenant that has been deleted, or has another status, since it was listed. */
  private async resultOf<T>(
    tenant: TenantIdentity,
    { status }: CheckedFilter,
    work: (tenant: Tenant) => Promise<T>,
  ): Promise<TenantResult<T> | undefined> {
    try {
      // Not the listed row: the tenant may have been moved since then.
      const current = await this.lookup.byId(tenant.id);
      if (!current || !status.includes(current.status)) return undefined;
      return { tenant, status: 'done', value: await work(current) };
    } catch (error) {
      return { tenant, status: 'failed', error };
    }
  }
}

/** The tenants that are still to be begun. */
class TenantQueue {
  /** Whether every tenant has been taken. */
  isExhausted = false;
  /** Why the list ended early; the tenants in work go on. */
  failure: { readonly error: unknown } | undefined;

  constructor(
    private readonly catalog: DataSource,
    private readonly filter: CheckedFilter,
    private readonly isStopped: () => boolean,
  ) {}

  async *next(): AsyncGenerator<TenantIdentity, void, undefined> {
    try {
      for await (const tenant of tenantsOf(this.catalog, this.filter)) {
        if (this.isStopped()) return;
        yield tenant;
      }
      this.isExhausted = true;
    } catch (error) {
      this.failure = { error };
    }
  }
}
