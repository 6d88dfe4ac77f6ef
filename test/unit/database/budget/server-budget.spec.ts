import { expect, it, jest } from '@jest/globals';
import { type BudgetMember, ServerBudget } from '../../../../src/database/budget/server-budget.js';

/** A pool as its server's budget sees it. Closing takes until `finishClosing`, opening until `finishOpening`. */
class Member implements BudgetMember {
  held = 0;
  idle = 0;
  wants = 0;
  idleSince: number | undefined;
  waitingSince: number | undefined;
  private readonly underWay: (() => void)[] = [];

  constructor(private readonly budget: ServerBudget) {
    budget.join(this);
  }

  want(): void {
    this.waitingSince ??= clock;
    if (this.budget.request(this)) this.open();
    else this.wants += 1;
  }

  onGranted(): boolean {
    this.wants -= 1;
    this.open();
    return true;
  }

  /** A caller releases a connection. @returns whether the pool gives it up for another pool */
  release(): boolean {
    if (!this.budget.isNeededElsewhere(this)) return false;
    this.close();
    return true;
  }

  rest(): void {
    this.idle += 1;
    this.idleSince ??= clock;
  }

  closeLongestIdle(): boolean {
    if (this.idle === 0) return false;
    this.idle -= 1;
    if (this.idle === 0) this.idleSince = undefined;
    this.close();
    return true;
  }

  finish(): void {
    for (const done of this.underWay.splice(0)) done();
  }

  private close(): void {
    this.underWay.push(() => {
      this.held -= 1;
      this.budget.release();
    });
  }

  private open(): void {
    this.held += 1;
    const opening = this.budget.openings.begin();
    this.underWay.push(() => {
      this.waitingSince = undefined;
      this.budget.openings.end(opening, true);
    });
  }
}

let clock = 0;

function membersOver(limit: number, held: readonly number[]): { budget: ServerBudget; members: Member[] } {
  clock = 10_000;
  const budget = new ServerBudget(limit, () => clock);
  const members = held.map((count) => {
    const member = new Member(budget);
    for (let slot = 0; slot < count; slot += 1) member.want();
    member.finish();
    return member;
  });
  return { budget, members };
}

/** Makes the server look slow, so that no more than two connections are opened at a time. */
function slowDown({ openings }: ServerBudget): void {
  openings.end(openings.begin(), true); // took no time
  for (let slow = 0; slow < 20; slow += 1) {
    const opening = openings.begin();
    clock += 100;
    openings.end(opening, true);
  }
}

it('a pool without connections receives exactly one, however many are released while it is being opened', () => {
  const { members } = membersOver(4, [2, 1, 1, 0]);
  const [rich, busy, third, empty] = members as [Member, Member, Member, Member];
  busy.want(); // further demand of pools that have a connection must not cost another one
  third.want();
  empty.want();
  expect([rich.release(), rich.release(), busy.release(), third.release()]).toEqual([true, false, false, false]);
  rich.finish();
  expect(empty.held).toBe(1);
  expect([rich.held, busy.held, third.held]).toEqual([1, 1, 1]);
});

it('a pool gives up its last connection to a pool that has none and has waited for a while', () => {
  const { members } = membersOver(2, [1, 1, 0]);
  const [first, second, empty] = members as [Member, Member, Member];
  empty.want();
  expect(first.release()).toBe(false);
  clock += 20;
  expect([second.release(), first.release()]).toEqual([true, false]);
});

it('connections idle for a second go to any pool that has waited for a while', () => {
  const { members } = membersOver(2, [1, 1]);
  const [idle, busy] = members as [Member, Member];
  idle.rest();
  clock += 1_000;
  busy.want();
  expect(idle.idle).toBe(1); // a connection of the busy pool may be released sooner
  clock += 20;
  busy.want();
  expect(idle.idle).toBe(0);
  idle.finish();
  expect(busy.held).toBe(2);
});

it('busy pools transfer no more connections at a time than the server opens quickly', () => {
  const { budget, members } = membersOver(20, [
    ...Array.from({ length: 20 }, () => 1),
    ...Array.from({ length: 9 }, () => 0),
  ]);
  const [donors, receivers] = [members.slice(0, 20), members.slice(20)];
  slowDown(budget);
  for (const receiver of receivers) receiver.want();
  clock += 20;
  expect(donors.filter((donor) => donor.release())).toHaveLength(2);
  for (const donor of donors) donor.finish();
  expect(receivers.filter(({ held }) => held > 0)).toHaveLength(2);
  expect(donors.filter((donor) => donor.release())).toHaveLength(0); // while those two are being opened
  for (const receiver of receivers) receiver.finish();
  expect(donors.filter((donor) => donor.release())).toHaveLength(2);
});

it('more connections are transferred at a time when the server opens them quickly, and a hanging attempt frees its slot', () => {
  const { budget } = membersOver(100, []);
  const { openings } = budget;
  expect(openings.room).toBe(2);
  for (let quick = 0; quick < 50; quick += 1) {
    const opening = openings.begin();
    clock += 10;
    openings.end(opening, true);
  }
  expect(openings.room).toBeGreaterThan(8);
  const before = openings.room;
  for (let hanging = 0; hanging < before; hanging += 1) openings.begin();
  expect(openings.room).toBe(0);
  clock += 1_000;
  expect(openings.room).toBe(before);
});

it('a failed attempt does not count for how quickly the server opens connections', () => {
  const { openings } = membersOver(100, []).budget;
  openings.end(openings.begin(), true);
  const failed = openings.begin();
  clock += 900;
  openings.end(failed, false);
  expect(openings.room).toBe(2);
  for (let quick = 0; quick < 3; quick += 1) openings.end(openings.begin(), true);
  expect(openings.room).toBeGreaterThan(2);
});

it('a pool that waits for an opening slot receives it as soon as another opening ends', () => {
  jest.useFakeTimers();
  try {
    const { budget, members } = membersOver(4, [1, 1, 1, 1, 0, 0, 0]);
    slowDown(budget);
    const [donors, receivers] = [members.slice(0, 4), members.slice(4)];
    for (const donor of donors) donor.rest();
    clock += 2_000;
    for (const receiver of receivers) receiver.want();
    expect(donors.filter(({ idle }) => idle === 0)).toHaveLength(2);
    for (const donor of donors) donor.finish();
    for (const receiver of receivers) receiver.finish();
    expect(donors.filter(({ idle }) => idle === 0)).toHaveLength(3);
  } finally {
    jest.useRealTimers();
  }
});

it('a limit that has ended lets connections be replaced, and none be opened once all are closed', () => {
  const { budget, members } = membersOver(4, [2, 0]);
  const [first, second] = members as [Member, Member];
  budget.expireAt(clock + 1_000);
  clock += 1_000;
  second.want();
  second.finish();
  expect(second.held).toBe(1);
  for (const member of [first, second]) {
    for (let held = member.held; held > 0; held -= 1) member.rest();
    while (member.closeLongestIdle()) member.finish();
  }
  expect([budget.open, budget.tryAcquire(), budget.request(first)]).toEqual([0, false, false]);
  budget.expireAt(clock + 1_000);
  expect(first.held).toBe(1);
});

it('connections of pools and of other work never add up to more than a small limit that is lent', () => {
  for (let limit = 0; limit <= 8; limit += 1) {
    const budget = new ServerBudget(20, () => clock);
    const [admin, locks] = [budget.reserve({ kept: 1, max: 4 }), budget.reserve({ kept: 1, max: 10 })];
    budget.resize(limit);
    admin.want(4);
    const pool = new Member(budget);
    for (let n = 0; n < 5; n += 1) pool.want();
    locks.want(5);
    // What is kept can be used at any limit: a process that starts has nothing else.
    expect(budget.open + admin.held + locks.held).toBeLessThanOrEqual(Math.max(limit, 2));
    expect(budget.open).toBeGreaterThanOrEqual(limit > 2 ? 1 : 0);
  }
});

it('what is kept is used after the limit has ended, and pools open none', () => {
  const budget = new ServerBudget(20, () => clock);
  const kept = budget.reserve({ kept: 2, max: 4 });
  budget.expireAt(clock);
  kept.want(4);
  const pool = new Member(budget);
  pool.want();
  expect([kept.held, budget.open]).toEqual([2, 0]);
  budget.expireAt(clock + 1_000);
  expect([kept.held, pool.held]).toEqual([4, 1]);
});
