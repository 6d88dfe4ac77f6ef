import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CatalogEvents, parseCatalogEvent } from '../../../../src/catalog/feed/catalog-events.js';
import { PlanList } from '../../../../src/catalog/plans/plan-list.js';
import { Shutdown } from '../../../../src/platform/shutdown/shutdown.js';

interface Read {
  answer(rows: readonly object[]): void;
  fail(error: Error): void;
}

const plan = (name: string, version = 1) => ({ name, version, settings: { version }, features: {}, limits: {} });

let reads: Read[];
let events: CatalogEvents;
let plans: PlanList;

beforeEach(async () => {
  jest.useFakeTimers({ doNotFake: ['setImmediate'] });
  reads = [];
  events = new CatalogEvents();
  const query = () =>
    new Promise((answer, fail) => {
      reads.push({ answer, fail });
    });
  plans = new PlanList({ query } as never, events, new Shutdown());
  const started = plans.onModuleInit();
  reads[0]?.answer([plan('basic'), plan('pro')]);
  await started;
});

afterEach(() => void jest.useRealTimers());

const announce = (name: string): void => events.deliver(parseCatalogEvent(JSON.stringify({ plan: name })));
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the plans of an instance', () => {
  it('are read once, and not for changes of tenants', () => {
    events.deliver(parseCatalogEvent('{"tenantId": "0b5f6c1e-6f0a-4c39-9d0e-2a4f8a1c7d11", "version": 3}'));
    events.deliver({ kind: 'lost' });
    expect([reads.length, plans.isCurrent, plans.find('pro')?.version]).toEqual([1, true, 1]);
  });

  it('are awaited after a change was announced', async () => {
    announce('pro');
    const found = plans.findCurrent('pro');
    expect(plans.isCurrent).toBe(false);
    reads[1]?.answer([plan('basic'), plan('pro', 2)]);
    expect((await found)?.version).toBe(2);
    expect(plans.isCurrent).toBe(true);
  });

  it('stay the same objects where they have not changed', async () => {
    const [basic, pro] = [plans.find('basic'), plans.find('pro')];
    announce('pro');
    reads[1]?.answer([plan('basic'), plan('pro', 2)]);
    await settled();
    expect([plans.find('basic') === basic, plans.find('pro') === pro]).toEqual([true, false]);
  });

  it('are read once more for changes that are announced during a read, however many', async () => {
    for (let n = 0; n < 100; n += 1) announce('pro');
    reads[1]?.answer([plan('pro', 2)]);
    await settled();
    for (let n = 0; n < 100; n += 1) announce('pro');
    await settled();
    expect(plans.isCurrent).toBe(false);
    for (let n = 2; n < 4; n += 1) {
      reads[n]?.answer([plan('pro', n + 1)]);
      await settled();
    }
    expect([reads.length, plans.isCurrent]).toEqual([expect.any(Number), true]);
    expect(reads.length).toBeLessThanOrEqual(4);
  });

  it('hold as they were while the catalog does not answer, and no caller is refused', async () => {
    announce('pro');
    reads[1]?.fail(new Error('away'));
    await settled();
    expect((await plans.findCurrent('pro'))?.version).toBe(1);
    expect(plans.isCurrent).toBe(true);
    events.deliver({ kind: 'unknown-change' });
    reads[2]?.answer([plan('pro', 5)]);
    expect((await plans.findCurrent('pro'))?.version).toBe(5);
  });
});

describe('while the catalog hangs or its feed is lost, plans', () => {
  it('are awaited for two seconds from the announcement, not by each caller', async () => {
    announce('pro');
    await jest.advanceTimersByTimeAsync(1_999);
    expect(plans.isCurrent).toBe(false);
    const late = plans.findCurrent('pro').then((found) => found?.version);
    await jest.advanceTimersByTimeAsync(1);
    expect(await Promise.race([late, 'waits longer'])).toBe(1);
    announce('pro'); // of which the read that hangs cannot know either
    expect([plans.isCurrent, (await plans.findCurrent('pro'))?.version, reads.length]).toEqual([true, 1, 2]);
  });

  it('are read again when one is asked for, at most once a second', async () => {
    events.deliver({ kind: 'lost' });
    await jest.advanceTimersByTimeAsync(1_000);
    expect(plans.isCurrent).toBe(false);
    const found = [plans.findCurrent('pro'), plans.findCurrent('pro')];
    reads[1]?.answer([plan('pro', 2)]);
    expect((await Promise.all(found)).map((each) => each?.version)).toEqual([2, 2]);
    await plans.findCurrent('pro');
    expect([plans.isCurrent, reads.length]).toEqual([true, 2]);
  });

  it('are read once for a name that is not known', async () => {
    const found = plans.findCurrent('new');
    reads[1]?.answer([plan('pro'), plan('new')]);
    expect((await found)?.name).toBe('new');
    const none = plans.findCurrent('none');
    reads[2]?.answer([plan('pro'), plan('new')]);
    expect([await none, await plans.findCurrent('none'), reads.length]).toEqual([undefined, undefined, 3]);
  });
});

it('an instance that cannot read the plans does not start', async () => {
  const query = () => Promise.reject(new Error('away'));
  await expect(new PlanList({ query } as never, new CatalogEvents()).onModuleInit()).rejects.toThrow('away');
});
