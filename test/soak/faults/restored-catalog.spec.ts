import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeIf } from '../../support/describe-if.js';
import { NOTICED, RestoredCatalog } from '../../support/faults/restored-catalog.js';
import { printFaultRow } from '../../support/load/fault-row.js';
import { soon } from '../../support/load/soon.js';
import { hasDebianPostgres } from '../../support/postgres/debian-postgres.js';

describeIf(hasDebianPostgres(15), "Debian's postgresql-15", 'a catalog restored under two live instances', () => {
  let catalog: RestoredCatalog;
  let [row, schema, database] = ['', '', ''];
  let [noticedMs, mendedMs] = [0, 0];

  beforeAll(async () => {
    catalog = await RestoredCatalog.start();
    row = await catalog.provision('acme', 'row');
    schema = await catalog.provision('initech', 'schema');
    database = await catalog.provision('hooli', 'database');
    catalog.dump();
  }, 120_000);

  afterAll(async () => {
    printFaultRow({
      fault: 'an older dump of the catalog is restored under two live instances',
      callers:
        'as the restored catalog says: a suspension since then is lifted, a later tenant gets 401; one whose role was rotated since 503',
      probes: 'ready 200',
      operators: `WARN \`${NOTICED}\`; \`doctor\` (leftovers) names later databases and roles, and what mends rotated ones`,
      lasts: `noticed by both ${tenths(noticedMs)} s after it; the remedy for a rotated role took ${tenths(mendedMs)} s`,
    });
    await catalog.stop();
  }, 60_000);

  it("is noticed by both; the doctor's remedies for what is unknown are followed to a good end", async () => {
    const later = await catalog.provision('later', 'database');
    const [unknown] = await catalog.database.admin<{ database: string; role: string }>(
      `SELECT t.database, t.role FROM tenantry.connection_targets t
       JOIN tenantry.tenants ON target_id = t.id WHERE slug = 'later'`,
    );
    await catalog.cli.json('tenants', 'suspend', 'acme');
    await catalog.cli.json('rotate-credentials', '--tenant', 'hooli');
    await catalog.answers(row, 403);
    for (const key of [schema, database, later]) await catalog.answers(key, 200);

    catalog.restore();
    const restoredAt = performance.now();
    await soon(() => Promise.resolve(expect(catalog.noticed()).toEqual([1, 1])));
    noticedMs = performance.now() - restoredAt;
    for (const [key, status] of [
      [row, 200],
      [schema, 200],
      [later, 401],
      [database, 503],
    ] as const) {
      await catalog.answers(key, status);
    }
    await catalog.isReady();

    const found = await catalog.diagnose();
    expect(found.filter(({ check }) => check === 'leftovers').map(({ message }) => message)).toEqual([
      expect.stringContaining('the catalog is older than the last rotation'),
      `the database ${unknown?.database} belongs to no tenant of the catalog`,
      `the login role ${unknown?.role} belongs to no tenant of the catalog`,
    ]);
    const mendedFrom = performance.now();
    for (const finding of found) {
      if (finding.check !== 'leftovers') continue;
      await catalog.follow(finding);
      if (finding.verdict === 'fail') mendedMs = performance.now() - mendedFrom;
    }
    expect(await catalog.diagnose()).toEqual([]);
    for (const key of [row, schema, database]) await catalog.answers(key, 200);
  }, 120_000);

  it('is mended in the same way when the role that row and schema tenants share was rotated', async () => {
    await catalog.cli.json('rotate-credentials', '--server', 'default');
    catalog.restore();
    for (const key of [row, schema, database]) await catalog.answers(key, 503);
    const found = (await catalog.diagnose()).filter(({ check }) => check === 'leftovers');
    expect(found).toHaveLength(2);
    for (const finding of found) await catalog.follow(finding);
    for (const key of [row, schema, database]) await catalog.answers(key, 200);
    expect(await catalog.diagnose()).toEqual([]);
  }, 120_000);

  it('is noticed again at its end when it goes on for longer than a heartbeat, without triggers meanwhile', async () => {
    for (const key of [row, schema, database]) await catalog.answers(key, 200);
    catalog.dump();
    const [before = 0] = catalog.noticed();
    await catalog.database.admin('DROP SCHEMA tenantry CASCADE');
    const part = 'pg_restore --exit-on-error --dbname="$CATALOG" catalog.dump --section=';
    catalog.run(`${part}pre-data`);
    await soon(() => Promise.resolve(expect(Math.min(...catalog.noticed())).toBeGreaterThan(before)));
    for (const key of [row, schema, database]) await catalog.answers(key, 401);
    catalog.run(`${part}data`);
    await catalog.answers(schema, 200);
    await catalog.database.admin("UPDATE tenantry.tenants SET status = 'suspended' WHERE slug = 'initech'");
    catalog.run(`${part}post-data`);
    await catalog.answers(schema, 403);
    for (const key of [row, database]) await catalog.answers(key, 200);
  }, 120_000);
});

function tenths(ms: number): string {
  return (Math.ceil(ms / 100) / 10).toFixed(1);
}
