import { expect, it, jest } from '@jest/globals';
import { type BudgetMember, ServerBudget } from '../../../../src/database/budget/server-budget.js';

/** A pool as its server's budget sees it. Closing takes until `finishClosing`, opening until `finishOpening`. */
class Member implements BudgetMember {
  held = 0;
  idle = 0;
  wants = 0;
  idleSince: number | undefined;
  waitingSince: number | undefined;
  private readonly onTheirWay: (() => void)[] = [];

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

  /** Somebody used a connection and gives it back. */
  giveBack(): boolean {
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
    for (const done of this.onTheirWay.splice(0)) done();
  }

  private close(): void {
    this.onTheirWay.push(() => {
      this.held -= 1;
      this.budget.release();
    });
  }

  private open(): void {
    this.held += 1;
    const opening = this.budget.openings.begin();
    this.onTheirWay.push(() => {
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
    for (let place = 0; place < count; place += 1) member.want();
    member.finish();
    return member;
  });
  return { budget, members };
}

/** Afterwards connections come slowly, so that no more than two at a time are opened. */
function slowDown({ openings }: ServerBudget): void {
  openings.end(openings.begin(), true); // which took no time
  for (let slow = 0; slow < 20; slow += 1) {
    const opening = openings.begin();
    clock += 100;
    openings.end(opening, true);
  }
}

it('one pool without any gets one connection, however many come back while it is on its way', () => {
  const { members } = membersOver(4, [2, 1, 1, 0]);
  const [rich, busy, third, empty] = members as [Member, Member, Member, Member];
  busy.want(); // what those who have one want besides is no reason to close another one for the empty pool
  third.want();
  empty.want();
  expect([rich.giveBack(), rich.giveBack(), busy.giveBack(), third.giveBack()]).toEqual([true, false, false, false]);
  rich.finish();
  expect(empty.held).toBe(1);
  expect([rich.held, busy.held, third.held]).toEqual([1, 1, 1]);
});

it('the last connection of a pool goes to one that has none, when that has waited for a while', () => {
  const { members } = membersOver(2, [1, 1, 0]);
  const [first, second, empty] = members as [Member, Member, Member];
  empty.want();
  expect(first.giveBack()).toBe(false);
  clock += 20;
  expect([second.giveBack(), first.giveBack()]).toEqual([true, false]);
});

it('what has not been used for a second goes to any pool that has waited for a while', () => {
  const { members } = membersOver(2, [1, 1]);
  const [idle, busy] = members as [Member, Member];
  idle.rest();
  clock += 1_000;
  busy.want();
  expect(idle.idle).toBe(1); // what busy has may come back sooner
  clock += 20;
  busy.want();
  expect(idle.idle).toBe(0);
  idle.finish();
  expect(busy.held).toBe(2);
});

it('pools that are in use move no more connections at a time than the server opens quickly', () => {
  const { budget, members } = membersOver(20, [
    ...Array.from({ length: 20 }, () => 1),
    ...Array.from({ length: 9 }, () => 0),
  ]);
  const [givers, takers] = [members.slice(0, 20), members.slice(20)];
  slowDown(budget);
  for (const taker of takers) taker.want();
  clock += 20;
  expect(givers.filter((giver) => giver.giveBack())).toHaveLength(2);
  for (const giver of givers) giver.finish();
  expect(takers.filter(({ held }) => held > 0)).toHaveLength(2);
  expect(givers.filter((giver) => giver.giveBack())).toHaveLength(0); // while those two are being opened
  for (const taker of takers) taker.finish();
  expect(givers.filter((giver) => giver.giveBack())).toHaveLength(2);
});

it('where connections come quickly more of them are moved at a time; one that hangs keeps nobody out', () => {
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

it('an attempt that fails says nothing of how quickly connections come', () => {
  const { openings } = membersOver(100, []).budget;
  openings.end(openings.begin(), true);
  const failed = openings.begin();
  clock += 900;
  openings.end(failed, false);
  expect(openings.room).toBe(2);
  for (let quick = 0; quick < 3; quick += 1) openings.end(openings.begin(), true);
  expect(openings.room).toBeGreaterThan(2);
});

it('whoever waits for room gets it when an opening has ended, without a further call', () => {
  jest.useFakeTimers();
  try {
    const { budget, members } = membersOver(4, [1, 1, 1, 1, 0, 0, 0]);
    slowDown(budget);
    const [givers, takers] = [members.slice(0, 4), members.slice(4)];
    for (const giver of givers) giver.rest();
    clock += 2_000;
    for (const taker of takers) taker.want();
    expect(givers.filter(({ idle }) => idle === 0)).toHaveLength(2);
    for (const giver of givers) giver.finish();
    for (const taker of takers) taker.finish();
    expect(givers.filter(({ idle }) => idle === 0)).toHaveLength(3);
  } finally {
    jest.useRealTimers();
  }
});
