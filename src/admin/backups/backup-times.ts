import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { Tenant } from '../../catalog/model/tenant.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { CronSchedule } from '../../tenant/cron/cron-schedule.js';
import { SettingsReader } from '../../tenant/settings/settings-reader.js';

const HOUR_MS = 3_600_000;

const NEWEST = `SELECT max(taken_at) AS newest FROM backups WHERE tenant_id = $1 AND state = 'kept'`;

/** Decides at which times of `BACKUP_EVERY` a tenant is backed up: at all, or as rarely as its plan or its own limit says. */
@Injectable()
export class BackupTimes {
  /** Undefined where backups are not scheduled. */
  readonly schedule: CronSchedule | undefined;

  constructor(
    @Inject(APP_CONFIG) { backups: { every } }: AppConfig,
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly settings: SettingsReader,
  ) {
    this.schedule = every === undefined ? undefined : new CronSchedule(every, 'UTC');
  }

  /**
   * A backup counts for the time at or before its snapshot, so that tenants that wait for each other do not come later each time.
   * One that has failed is made up for at the next time.
   */
  async isDue(tenant: Tenant, scheduledAt: Date): Promise<boolean> {
    const { backupEveryHours } = (await this.settings.read(tenant)).limits;
    if (backupEveryHours === undefined) return true;
    const [{ newest }] = await this.catalog.query<[{ newest: Date | null }]>(NEWEST, [tenant.id]);
    if (!newest) return true;
    const madeFor = this.schedule?.latest(newest) ?? newest;
    return scheduledAt.getTime() - madeFor.getTime() >= backupEveryHours * HOUR_MS;
  }
}
