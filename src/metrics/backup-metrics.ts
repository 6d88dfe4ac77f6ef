import { Inject, Injectable } from '@nestjs/common';
import { Registry } from 'prom-client';
import type { DataSource } from 'typeorm';
import { type BackupAges, backupAges } from '../catalog/backup-ages.js';
import { CATALOG } from '../catalog/catalog-data-source.js';
import { type DrilledTenants, drilledTenants } from '../catalog/failed-drills.js';
import { APP_CONFIG, type AppConfig } from '../platform/config/app-config.js';
import { withDeadline } from '../platform/timeout.js';
import { CronSchedule } from '../tenant/cron/cron-schedule.js';
import { registerMetric } from './series/reported-metric.js';

/** The catalog is queried at most once per interval: the queries read every tenant. */
const CACHE_MS = 60_000;
/** Maximum time a scrape waits for the catalog. */
const DEADLINE_MS = 1_000;

/**
 * What would be lost at most: the age of tenants' newest verified backups, where they are scheduled; and failed drills. A series
 * each, not one per tenant.
 */
@Injectable()
export class BackupMetrics {
  private readonly schedule: CronSchedule | undefined;
  private readonly isConfigured: boolean;
  private ages: BackupAges | undefined;
  private drills: DrilledTenants | undefined;
  private queriedAt = -Infinity;
  private query: Promise<void> | undefined;

  constructor(
    registry: Registry,
    @Inject(APP_CONFIG) { backups: { every, place } }: AppConfig,
    @Inject(CATALOG) private readonly catalog: DataSource,
  ) {
    this.schedule = every === undefined ? undefined : new CronSchedule(every, 'UTC');
    this.isConfigured = place !== undefined;
    const sample = (value: number | undefined) => (value === undefined ? [] : [{ labels: {}, value }]);
    registerMetric(registry, {
      name: 'tenantry_backup_oldest_seconds',
      help: 'Age of the newest verified backup of the active tenant that would lose most; without a backup, of the tenant.',
      type: 'gauge',
      read: () => sample(this.ages?.oldestSeconds),
    });
    registerMetric(registry, {
      name: 'tenantry_backup_overdue_tenants',
      help: 'Active tenants without a verified backup of the last two times of BACKUP_EVERY at which they were due.',
      type: 'gauge',
      read: () => sample(this.ages?.overdue),
    });
    registerMetric(registry, {
      name: 'tenantry_backup_failed_drills',
      help: 'Active tenants whose last drill of a backup has failed.',
      type: 'gauge',
      read: () => sample(this.drills?.failed),
    });
  }

  /** Never rejects; without an answer of the catalog, the former values stay. */
  async refresh(): Promise<void> {
    const now = performance.now();
    // One query at a time, so that a hanging catalog does not use up all its connections.
    if (this.isConfigured && !this.query && now - this.queriedAt >= CACHE_MS) {
      this.queriedAt = now;
      this.query = this.load().finally(() => (this.query = undefined));
    }
    if (this.query) await withDeadline(this.query, DEADLINE_MS).catch(() => undefined);
  }

  private async load(): Promise<void> {
    const query = <Row>(sql: string, parameters: unknown[]): Promise<Row[]> => this.catalog.query(sql, parameters);
    this.drills = await drilledTenants(query);
    const times = this.schedule?.latestTwo(new Date());
    if (times) this.ages = await backupAges(query, times);
  }
}
