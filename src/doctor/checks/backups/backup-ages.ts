import { backupAges, overdueTenants } from '../../../catalog/backup-ages.js';
import { CronSchedule } from '../../../tenant/cron/cron-schedule.js';
import type { CatalogContext, Check } from '../../diagnosis/check.js';
import { fail, ok } from '../../diagnosis/finding.js';

const NAME = 'backup-ages';
const MAX_REPORTED = 20;

/** Checks that each active tenant has a verified backup that is younger than two periods of `BACKUP_EVERY`, or of what its plan or its own limit says. */
export const backupAgesCheck: Check<CatalogContext> = {
  name: NAME,
  run: async ({ loaded: { config }, catalog }) => {
    const { every } = config.backups;
    if (every === undefined) return [ok(NAME, 'not scheduled (BACKUP_EVERY)')];
    const query = async <Row>(sql: string, parameters: unknown[]): Promise<Row[]> =>
      (await catalog.query(sql, parameters)).rows as Row[];
    const times = new CronSchedule(every, 'UTC').latestTwo(new Date());
    if (!times) return [ok(NAME, 'BACKUP_EVERY has not had two times yet')];
    const { overdue, oldestSeconds } = await backupAges(query, times);
    if (overdue === 0) return [ok(NAME, `no tenant would lose more than ${Math.ceil(oldestSeconds / 60)} min`)];
    const named = await overdueTenants(query, times, MAX_REPORTED);
    const tenants = named.map(({ slug, newest }) => `${slug} (${newest?.toISOString() ?? 'none'})`).join(', ');
    const others = overdue > named.length ? ` and ${overdue - named.length} more` : '';
    const message = `${overdue} tenants have no verified backup of the last two times at which they were due: ${tenants}${others}`;
    return [fail(NAME, message, 'see why: operations --status failed; then: backups create <tenant>')];
  },
};
