import { drilledTenants, failedDrills } from '../../../catalog/failed-drills.js';
import type { CatalogContext, Check } from '../../diagnosis/check.js';
import { fail, ok } from '../../diagnosis/finding.js';

const NAME = 'backup-drills';
const MAX_REPORTED = 20;

/** Checks that the last drill of each active tenant that has had one did not fail: its backup would not be restored either. */
export const backupDrillsCheck: Check<Pick<CatalogContext, 'catalog'>> = {
  name: NAME,
  run: async ({ catalog }) => {
    const query = async <Row>(sql: string, parameters: unknown[]): Promise<Row[]> =>
      (await catalog.query(sql, parameters)).rows as Row[];
    const { tenants, failed } = await drilledTenants(query);
    if (tenants === 0) return [ok(NAME, 'no backup was tried out')];
    if (failed === 0) return [ok(NAME, `the last drill of each of ${tenants} tenants has succeeded`)];
    const reported = await failedDrills(query, MAX_REPORTED);
    const named = reported.map(({ slug, code, finishedAt }) => `${slug} (${code}, ${finishedAt.toISOString()})`);
    const others = failed > reported.length ? ` and ${failed - reported.length} more` : '';
    return [
      fail(
        NAME,
        `the last drill of ${failed} of ${tenants} tenants has failed: ${named.join(', ')}${others}`,
        'see why: operations --kind drill --status failed; then: backups create <tenant>, backups drill <tenant>',
      ),
    ];
  },
};
