import { describe, expect, it } from '@jest/globals';
import type { PlacementServer } from '../../../../src/admin/placement/server-choice.js';
import {
  type MovableTenant,
  planRebalance,
  type RebalanceFacts,
  type RebalancePlan,
} from '../../../../src/admin/rebalancing/rebalance-plan.js';
import { lackingLabels } from '../../../../src/catalog/model/labels.js';
import { seededRandom } from '../../../support/statements/seeded-random.js';

const GB = 2 ** 30;
const HOUR_MS = 3_600_000;
const OPTIONS = { goal: 1.25, maxMoves: 100 };

/** Servers with these tenants and nothing else. */
function fleet(
  servers: Readonly<Record<string, Partial<PlacementServer>>>,
  tenants: readonly (Partial<MovableTenant> & Pick<MovableTenant, 'serverId'>)[],
): RebalanceFacts {
  const all = tenants.map((tenant, n) => ({
    ...{ id: `t${n}`, slug: `t${n}`, isolation: 'row' as const, labels: null, bytes: 0, databaseMs: 0, ...tenant },
  }));
  return {
    servers: Object.entries(servers).map(([name, facts]) => {
      const own = all.filter(({ serverId }) => serverId === name);
      return {
        ...{
          id: name,
          name,
          host: name,
          draining: false,
          labels: {},
          maxTenants: null,
          maxBytes: null,
          connections: 90,
        },
        ...{ neededConnections: 0, tenants: own.length },
        bytes: own.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0),
        databaseMs: own.reduce((sum, { databaseMs }) => sum + databaseMs, 0),
        ...facts,
      };
    }),
    tenants: all,
    lacksRights: () => false,
  };
}

const summary = ({ moves }: RebalancePlan): string[] =>
  moves.map(({ tenant, from, to, reason }) => `${tenant.id} ${from.id}>${to.id} ${reason}`);

describe('a plan of moves', () => {
  it('takes the tenants with the least bytes from the fullest server, and says what that gains', () => {
    const facts = fleet({ a: {}, b: {} }, [
      { serverId: 'a', bytes: 40 * GB },
      { serverId: 'a', bytes: 2 * GB, databaseMs: 10 * HOUR_MS },
      { serverId: 'a', bytes: GB, databaseMs: 2 * HOUR_MS },
      { serverId: 'b', bytes: GB },
    ]);
    const plan = planRebalance(facts, OPTIONS);
    expect(summary(plan)).toEqual(['t1 a>b load']);
    expect(plan).toMatchObject({ reachesGoal: true, loadBytes: 2 * GB, leastLoadBytes: 2 * GB });
    expect(plan.loads.map(({ before, after }) => before > after)).toEqual([true, false]);
    expect(Math.max(...plan.loads.map(({ after }) => after))).toBeLessThanOrEqual(1.25);
  });

  it('is empty where no server is above the goal', () => {
    expect(planRebalance(fleet({ a: {}, b: {} }, [{ serverId: 'a' }, { serverId: 'b' }]), OPTIONS)).toMatchObject({
      ...{ moves: [], reachesGoal: true, loadBytes: 0, leastLoadBytes: 0 },
    });
    expect(planRebalance({ servers: [], tenants: [], lacksRights: () => false }, OPTIONS).moves).toEqual([]);
  });

  it('moves a tenant whose server lacks its labels, first, and none to where it does not want to be, or cannot', () => {
    const many = Array.from({ length: 6 }, () => ({ serverId: 'us', labels: { region: 'us' } }));
    const facts = fleet(
      {
        us: { labels: { region: 'us' } },
        eu: { labels: { region: 'eu' } },
        gone: { labels: { region: 'us' }, draining: true },
      },
      [{ serverId: 'us', labels: { region: 'eu' }, bytes: GB }, ...many, { serverId: 'us', isolation: 'database' }],
    );
    const plan = planRebalance(
      { ...facts, lacksRights: (id, isolation) => id === 'eu' && isolation === 'database' },
      OPTIONS,
    );
    expect(summary(plan)).toEqual(['t0 us>eu labels']);
    expect(plan).toMatchObject({ reachesGoal: false, loadBytes: 0 });
    expect(plan.loads.map(({ server }) => server.id)).toEqual(['us', 'eu']);
  });

  it('goes as far as capacities allow where the goal cannot be reached', () => {
    const facts = fleet(
      { a: {}, b: { maxTenants: 3 } },
      Array.from({ length: 10 }, () => ({ serverId: 'a' })),
    );
    const plan = planRebalance(facts, OPTIONS);
    expect(plan).toMatchObject({ reachesGoal: false, moves: { length: 3 } });
    expect(planRebalance(facts, { ...OPTIONS, maxMoves: 2 })).toMatchObject({
      moves: { length: 2 },
      leastLoadBytes: 0,
    });
  });

  it('moves no more tenants that lack labels than are wanted, and asks about rights once for those that are alike', () => {
    const tenants = Array.from({ length: 300 }, (_, n) => ({
      ...{ serverId: 'us', bytes: n % 3 === 0 ? null : GB, labels: { region: n % 2 === 0 ? 'eu' : 'mars' } },
    }));
    const facts = fleet({ us: {}, eu: { labels: { region: 'eu' }, maxTenants: 80, maxBytes: 50 * GB } }, tenants);
    const asked: string[] = [];
    const lacksRights = (id: string): boolean => asked.push(id) === 0;
    const plan = planRebalance({ ...facts, lacksRights }, { ...OPTIONS, maxMoves: 20 });
    expect(plan.moves.map(({ reason }) => reason)).toEqual(Array.from({ length: 20 }, () => 'labels'));
    expect(asked).toEqual(['eu']);
    expect(planRebalance({ ...facts, lacksRights }, { ...OPTIONS, maxMoves: 1_000 }).moves).toHaveLength(50);
  });

  it('counts a tenant that was never measured as an average one, for capacities and for loads alike', () => {
    const facts = fleet({ a: {}, b: { maxBytes: 5 * GB } }, [
      ...Array.from({ length: 4 }, () => ({ serverId: 'a', bytes: 2 * GB })),
      ...Array.from({ length: 4 }, () => ({ serverId: 'a', bytes: null })),
    ]);
    const plan = planRebalance(facts, { ...OPTIONS, goal: 1 });
    expect(plan.moves.map(({ bytes }) => bytes)).toEqual([2 * GB, 2 * GB]);
    expect(plan.loads.map(({ before, after }) => [before, after])).toEqual([
      [2, 1.5],
      [0, 0.5],
    ]);
  });

  it.each(Array.from({ length: 60 }, (_, n) => n + 1))('over random fleets it keeps every rule (%i)', (seed) => {
    const random = seededRandom(seed);
    const pick = (below: number): number => Math.floor(random() * below);
    const labels = (part: number): Record<string, string> =>
      random() < part ? { region: ['eu', 'us'][pick(2)]! } : {};
    const ids = Array.from({ length: 2 + pick(6) }, (_, n) => `s${n}`);
    const facts = fleet(
      Object.fromEntries(
        ids.map((id) => [
          id,
          {
            ...{ connections: random() < 0.2 ? null : 20 + pick(200), draining: random() < 0.15 },
            labels: labels(0.7),
            ...{ maxTenants: random() < 0.3 ? pick(30) : null, maxBytes: random() < 0.3 ? pick(40) * GB : null },
          },
        ]),
      ),
      Array.from({ length: pick(60) }, () => ({
        ...{ serverId: ids[pick(ids.length)]!, labels: random() < 0.5 ? labels(0.3) : null },
        ...{ bytes: random() < 0.1 ? null : pick(10) * GB, databaseMs: pick(3) * HOUR_MS },
      })),
    );
    const plan = planRebalance(facts, { goal: 1 + random(), maxMoves: 1 + pick(60) });
    expect(new Set(plan.moves.map(({ tenant }) => tenant.id)).size).toBe(plan.moves.length);
    const counts = new Map(facts.servers.map(({ id, tenants }) => [id, tenants]));
    for (const { tenant, from, to } of plan.moves) {
      expect([from.id, from.draining, to.draining]).toEqual([tenant.serverId, false, false]);
      expect(to.id).not.toBe(from.id);
      expect(lackingLabels(tenant.labels ?? {}, to.labels)).toEqual([]);
      counts.set(from.id, counts.get(from.id)! - 1);
      counts.set(to.id, counts.get(to.id)! + 1);
    }
    for (const { id, maxTenants, tenants } of facts.servers) {
      if (maxTenants !== null) expect(counts.get(id)).toBeLessThanOrEqual(Math.max(maxTenants, tenants));
    }
    const fullest = (when: 'before' | 'after'): number => Math.max(0, ...plan.loads.map((each) => each[when]));
    const isByLoad = plan.moves.every(({ reason }) => reason === 'load');
    if (isByLoad) expect(fullest('after')).toBeLessThanOrEqual(fullest('before') + 1e-9);
    expect(plan.leastLoadBytes).toBeLessThanOrEqual(plan.loadBytes + 1e-6);
  });
});
