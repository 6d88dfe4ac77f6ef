import { Inject, Injectable, type OnModuleInit, Optional } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { TENANTRY_ACTOR } from '../../catalog/audit/actor.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { OperationRunner } from '../../operations/operation-runner.js';
import { runWithoutContext } from '../../platform/run-without-context.js';
import { CronJobs } from '../../tenant/cron/cron-jobs.js';
import type { TenantCronRun } from '../../tenant/cron/tenant-cron.decorator.js';
import { checkedFilter } from '../../tenant/fleet/tenant-filter.js';
import { BackupTimes } from './backup-times.js';
import { Backups } from './backups.js';

/** Of the instance that holds the run, in addition to its workers of operations. Each takes a connection to the catalog. */
const CONCURRENCY = 2;

/**
 * Backs active tenants up, each at its times of `BACKUP_EVERY`: a job of the cron of tenants, whose cursor in the catalog gives
 * each tenant and time to one instance, and goes on where one has died. Failures are counted there, and are operations that failed.
 */
@Injectable()
export class BackupSchedule implements OnModuleInit {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly times: BackupTimes,
    private readonly backups: Backups,
    private readonly runner: OperationRunner,
    @Optional() private readonly jobs?: CronJobs, // a command line has none
  ) {}

  onModuleInit(): void {
    const { schedule } = this.times;
    if (!schedule) return;
    this.jobs?.add({
      name: 'tenantry.backups',
      schedule,
      tenants: checkedFilter({}),
      concurrency: CONCURRENCY,
      ...{ missed: 'once', startWithinSeconds: 60, retryInterrupted: true },
      run: (run) => runWithoutContext(() => this.backUp(run)),
    });
  }

  /** An operation that has begun is finished by another instance: then there is nothing to wait for. */
  private async backUp({ tenant, scheduledAt, isRetry, signal }: TenantCronRun): Promise<void> {
    const begun = isRetry ? await this.begun(tenant.id, scheduledAt) : undefined;
    if (begun === undefined && !(await this.times.isDue(tenant, scheduledAt))) return;
    const id = begun ?? (await this.begin(tenant.id, scheduledAt));
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([this.runner.runToCompletion(id), aborted]);
  }

  private async begin(tenantId: string, scheduledAt: Date): Promise<string> {
    const { id } = await this.catalog.transaction((catalog) =>
      this.backups.schedule(catalog, tenantId, scheduledAt, TENANTRY_ACTOR),
    );
    return id;
  }

  private async begun(tenantId: string, scheduledAt: Date): Promise<string | undefined> {
    const [operation] = await this.catalog.query<{ id: string }[]>(
      `SELECT id FROM operations WHERE tenant_id = $1 AND kind = 'backup' AND input ->> 'scheduledAt' = $2`,
      [tenantId, scheduledAt.toISOString()],
    );
    return operation?.id;
  }
}
