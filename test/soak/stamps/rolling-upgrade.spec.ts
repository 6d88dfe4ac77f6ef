import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { POLICY_VERSION } from '../../../src/database/isolation/tenant-policies.js';
import { describeIf } from '../../support/describe-if.js';
import type { AcknowledgedRows } from '../../support/load/acknowledged-rows.js';
import { CheckedLoad } from '../../support/load/checked-load.js';
import { soon } from '../../support/load/soon.js';
import { Installation } from '../../support/processes/installation.js';
import type { Service } from '../../support/processes/service.js';
import { TestRedis } from '../../support/redis/test-redis.js';

const MAIN = join(process.env['FORMER_RELEASE'] ?? '/dev/null', 'dist', 'main.js');
const REQUIREMENT = 'FORMER_RELEASE, the folder of a built checkout of the former release; see CONTRIBUTING.md';
/** Which instance runs an operation is not up to the one that was asked. */
const ATTEMPTS = 10;

let redis: TestRedis;
let installation: Installation | undefined;
let load: CheckedLoad | undefined;

beforeAll(async () => {
  redis = await TestRedis.start();
});

afterEach(async () => {
  await load?.stop();
  await installation?.dispose();
  load = installation = undefined;
});

afterAll(() => redis.stop());

function redisSettings(): Record<string, string> {
  return { ENABLE_REDIS_CACHE: 'true', REDIS_HOST: '127.0.0.1', REDIS_PORT: String(redis.port) };
}

interface Upgrade {
  readonly fleet: Installation;
  readonly load: CheckedLoad;
  readonly tenants: AcknowledgedRows[];
  readonly former: Service[];
}

/** Two instances of the former release, its tenants, and a load on all of them. */
async function formerInstallation(env: Record<string, string>): Promise<Upgrade> {
  const fleet = (installation = await Installation.create(MAIN, env));
  const former = [await fleet.start('former'), await fleet.start('former')];
  const tenants: AcknowledgedRows[] = [];
  for (const isolation of ['row', 'schema', 'database']) {
    for (const n of [1, 2]) tenants.push(await fleet.createTenant(former[0]!, `${isolation}-${n}`, isolation));
  }
  const instances = new Map(former.map(({ url }, n) => [`former ${n + 1}`, url]));
  const started = (load = new CheckedLoad(instances, tenants));
  await started.phase('former, former');
  return { fleet, load: started, tenants, former };
}

/** Starts an instance of the new release and then stops one of the former. */
async function replace({ fleet, load, former }: Upgrade, n: number): Promise<Service> {
  const successor = await fleet.start('new');
  load.enter(`new ${n}`, successor.url);
  await load.leave(`former ${n}`);
  await former[n - 1]!.stop();
  return successor;
}

/** Creates tenants through an instance of the former release until it has run a creation in each isolation itself. */
async function createWithFormer({ fleet, load, former }: Upgrade, prefix: string): Promise<string[]> {
  const created: string[] = [];
  for (const isolation of ['row', 'schema', 'database']) {
    for (let attempt = 1; ; attempt += 1) {
      const slug = `${prefix}-${isolation}-${attempt}`;
      load.addTenant(await fleet.createTenant(former[1]!, slug, isolation));
      if (await fleet.hasCreated(former[1]!, slug)) {
        created.push(slug);
        break;
      }
      expect(attempt).toBeLessThan(ATTEMPTS);
    }
  }
  return created;
}

/** Tenants that need a migration, according to the catalog. */
async function behind({ fleet }: Upgrade): Promise<string[]> {
  const rows = await fleet.database.admin<{ slug: string }>(
    'SELECT slug FROM tenants WHERE policy_version < $1 ORDER BY slug',
    [POLICY_VERSION],
  );
  return rows.map(({ slug }) => slug);
}

/** Migrates all tenants that are behind. */
async function migrate(upgrade: Upgrade, instance: Service): Promise<void> {
  const { length: tenants } = await behind(upgrade);
  expect(tenants).toBeGreaterThan(0);
  expect(await upgrade.fleet.operate(instance, { kind: 'migrate' })).toMatchObject({
    status: 'succeeded',
    result: { tenants, failed: 0 },
  });
  expect(await behind(upgrade)).toEqual([]);
}

/** What doctor warns of, by check. */
async function warnings({ fleet }: Upgrade, check: string): Promise<string[]> {
  const findings = (await fleet.diagnose()).filter((finding) => finding.check === check && finding.verdict !== 'ok');
  return findings.map(({ subject = '', message }) => `${subject}: ${message}`);
}

async function enforced({ fleet, load }: Upgrade, instance: Service): Promise<void> {
  await soon(async () =>
    expect(await fleet.operate(instance, { kind: 'enforce-stamps' })).toMatchObject({ status: 'succeeded' }),
  );
  await load.phase('stamps enforced');
}

async function rotated({ fleet, load, tenants }: Upgrade, instance: Service): Promise<void> {
  const dedicated = tenants.find(({ slug }) => slug.startsWith('database'))!.slug;
  for (const subject of [{ server: 'default' }, { tenant: dedicated }]) {
    const rotation = await fleet.operate(instance, { kind: 'rotate-stamp-key', ...subject, graceSeconds: 2 });
    expect(rotation).toMatchObject({ status: 'succeeded' });
  }
  await load.phase('keys rotated');
}

/** Ends the load: nothing failed in any phase, exactly the acknowledged rows are stored, and no error was logged. */
async function assertNothingLost({ fleet, load, tenants }: Upgrade, instance: Service): Promise<void> {
  await load.stop();
  process.stdout.write(`${load.phases.map((phase) => JSON.stringify(phase)).join('\n')}\n`);
  expect(load.faults).toEqual([]);
  for (const tenant of tenants) expect(await tenant.differences(instance.url)).toEqual([]);
  installation = undefined;
  expect(await fleet.dispose()).toEqual([]);
}

describeIf(existsSync(MAIN), REQUIREMENT, 'an upgrade from the former release under load', () => {
  it.each([
    { title: 'without Redis', env: () => ({}) },
    { title: 'with a Redis that both releases share', env: redisSettings },
  ])(
    'loses and hides no row when tables are migrated while a former instance serves, $title',
    async ({ env }) => {
      const upgrade = await formerInstallation(env());
      const { fleet, former } = upgrade;
      const first = await replace(upgrade, 1);
      await upgrade.load.phase('new, former');

      const early = await createWithFormer(upgrade, 'early');
      await upgrade.load.phase('new, former: tenants of the former');
      expect(await behind(upgrade)).toEqual(expect.arrayContaining(early));
      expect((await warnings(upgrade, 'row-level-security')).join()).toContain('policy of a former release');
      expect((await warnings(upgrade, 'stamps')).join()).toContain('has no functions for signed stamps');

      await migrate(upgrade, first);
      await upgrade.load.phase('new, former: migrated');
      expect(await warnings(upgrade, 'row-level-security')).toEqual([]);
      expect((await warnings(upgrade, 'stamps')).join()).toContain('1 instances of a former release');

      const late = await createWithFormer(upgrade, 'late');
      await upgrade.load.phase('new, former: migrated, more tenants of the former');
      expect(await behind(upgrade)).toEqual(expect.arrayContaining(late));
      expect((await warnings(upgrade, 'row-level-security')).join()).toContain('policy of a former release');
      expect(await fleet.operate(first, { kind: 'enforce-stamps' })).toMatchObject({
        error: { code: 'TABLES_BEHIND' },
      });
      await migrate(upgrade, first);
      await upgrade.load.phase('new, former: migrated again');
      expect(await fleet.operate(first, { kind: 'enforce-stamps' })).toMatchObject({
        error: { code: 'FORMER_INSTANCES' },
      });

      const back = await fleet.start('former');
      upgrade.load.enter('former, back', back.url);
      await upgrade.load.leave('new 1');
      await upgrade.load.phase('former, former: the way back');
      upgrade.load.enter('new 1', first.url);
      await upgrade.load.leave('former, back');
      await back.stop();

      const second = await replace(upgrade, 2);
      await upgrade.load.phase('new, new');
      expect(former.map(({ process: { exitCode } }) => exitCode)).toEqual([0, 0]);
      await enforced(upgrade, second);
      expect(await warnings(upgrade, 'stamps')).toEqual([]);
      await rotated(upgrade, second);
      await assertNothingLost(upgrade, second);
    },
    600_000,
  );

  it('loses and hides no row when tables are migrated after the last former instance', async () => {
    const upgrade = await formerInstallation({});
    await replace(upgrade, 1);
    await upgrade.load.phase('new, former');
    const second = await replace(upgrade, 2);
    await upgrade.load.phase('new, new');
    await migrate(upgrade, second);
    await upgrade.load.phase('new, new: migrated');
    const idle = await upgrade.fleet.start('former'); // connected to no tenant's database, but may be at any moment
    expect(await upgrade.fleet.operate(second, { kind: 'enforce-stamps' })).toMatchObject({
      error: { code: 'FORMER_INSTANCES' },
    });
    expect((await warnings(upgrade, 'stamps')).join()).toContain('of a former release');
    await idle.stop();
    await enforced(upgrade, second);
    await rotated(upgrade, second);
    await assertNothingLost(upgrade, second);
  }, 300_000);
});
