import { describe, expect, it } from '@jest/globals';
import { divide, type Holder } from '../../../../src/catalog/instances/division.js';
import { seededRandom } from '../../../support/statements/seeded-random.js';

const holder = (instanceId: string, share: number, need: number, least = 2): Holder => ({
  ...{ instanceId, share, need, least },
});

describe('the connections of a server', () => {
  it('go to whoever needs them, as long as some are free', () => {
    expect(divide(50, [holder('a', 10, 30), holder('b', 5, 5)], 'a')).toEqual({ share: 30, target: 30 });
    expect(divide(50, [holder('a', 10, 60), holder('b', 5, 5)], 'a')).toEqual({ share: 45, target: 45 });
    expect(divide(50, [holder('a', 10, 30), holder('b', 38, 38)], 'a')).toEqual({ share: 12, target: 12 });
  });

  it('stay where they are while nobody lacks them', () => {
    expect(divide(50, [holder('a', 40, 3), holder('b', 5, 5)], 'a')).toEqual({ share: 40, target: 40 });
  });

  it('are given back by those who do not need them, each in proportion, no more than others lack', () => {
    const holders = [holder('a', 30, 10), holder('b', 20, 10), holder('c', 0, 6)];
    expect(divide(50, holders, 'a').target).toBe(26);
    expect(divide(50, holders, 'b').target).toBe(18);
    expect(divide(50, holders, 'c')).toEqual({ share: 0, target: 0 }); // until one of them has
  });

  it('are the same number for each, where all of them need more', () => {
    const holders = [holder('a', 48, 48), holder('b', 2, 48), holder('c', 0, 48)];
    expect(divide(50, holders, 'a').target).toBe(16);
    expect(divide(50, [holder('a', 16, 48), holder('b', 2, 48), holder('c', 0, 48)], 'b').share).toBe(17);
  });

  it('are left to an instance that starts: what it needs at least', () => {
    const holders = [holder('a', 40, 40, 7), holder('b', 10, 10, 7), holder('new', 0, 0, 7)];
    expect(divide(50, holders, 'a').target).toBeLessThanOrEqual(33);
    expect(divide(50, holders, 'b').target).toBe(10);
  });

  it('are not taken from those that run for one that does not fit', () => {
    const running = Array.from({ length: 11 }, (_, n) => holder(`r${n}`, 7, 7, 7));
    const all = [...running, holder('new', 0, 0, 7)];
    expect(all.map(({ instanceId }) => divide(80, all, instanceId).target)).toEqual([...running.map(() => 7), 0]);
    const busy = [holder('a', 60, 60, 7), ...running.slice(1), holder('new', 0, 0, 7)];
    expect(divide(90, busy, 'a').target).toBe(13); // 90 less ten times seven, less seven for the new one
  });

  it('are fewer for each when the limit is lowered', () => {
    const holders = [holder('a', 30, 30), holder('b', 20, 20)];
    expect([divide(20, holders, 'a').target, divide(20, holders, 'b').target]).toEqual([10, 10]);
  });
});

/** Instances that ask in any order, use what they have, close slowly, stop and start. */
describe('over many rounds', () => {
  it.each([1, 2, 3, 4, 5])('shares never exceed the limit, and each gets what it needs or its part (%i)', (seed) => {
    const random = seededRandom(seed);
    const pick = (below: number): number => Math.floor(random() * below);
    const limit = 20 + pick(60);
    const instances = new Map<string, { share: number; limit: number; open: number; need: number }>();
    let started = 0;
    const start = (): void =>
      void instances.set(`i${(started += 1)}`, { share: 0, limit: 0, open: 0, need: 1 + pick(limit) });
    start();
    const renew = (id: string): void => {
      const own = instances.get(id)!;
      own.share = Math.min(own.share, Math.max(own.limit, own.open)); // what it claims
      const holders = [...instances].map(([name, { share, need }]) => holder(name, share, need));
      const { share, target } = divide(limit, holders, id);
      expect(share).toBeGreaterThanOrEqual(own.share);
      Object.assign(own, { share, limit: target });
      own.open = own.open > target ? Math.max(target, own.open - 1 - pick(5)) : Math.min(target, own.need);
    };
    for (let step = 0; step < 2_000; step += 1) {
      const names = [...instances.keys()];
      const chance = random();
      if (chance < 0.02 && instances.size < 6) start();
      else if (chance < 0.03 && instances.size > 1) instances.delete(names[pick(names.length)]!);
      else if (chance < 0.1) instances.get(names[pick(names.length)]!)!.need = 1 + pick(limit);
      else renew(names[pick(names.length)]!);
      const open = [...instances.values()].reduce((sum, instance) => sum + instance.open, 0);
      const shares = [...instances.values()].reduce((sum, instance) => sum + instance.share, 0);
      expect(open).toBeLessThanOrEqual(shares);
      expect(shares).toBeLessThanOrEqual(limit);
    }
    for (let round = 0; round < 30; round += 1) for (const id of instances.keys()) renew(id);
    const level = Math.floor(limit / instances.size);
    for (const { share, need } of instances.values()) expect(share).toBeGreaterThanOrEqual(Math.min(need, level));
  });
});
