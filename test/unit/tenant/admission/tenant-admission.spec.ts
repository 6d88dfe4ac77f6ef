import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ADMIT_ALL, type Rejection } from '../../../../src/database/pool/admission.js';
import { type TenantConnections, TenantAdmission } from '../../../../src/tenant/admission/tenant-admission.js';

const refused: Rejection = () => new Error('refused');

/** An admission whose status checks end when the test wants, and which records what it does to connections. */
class Court implements TenantConnections {
  readonly asked: { tenantId: string; answer(rejection?: Rejection): void; fail(): void }[] = [];
  readonly inUse = new Set<string>();
  readonly told: string[] = [];
  readonly gates: TenantAdmission;

  constructor() {
    const statusOf = (tenantId: string): Promise<Rejection | undefined> =>
      new Promise((resolve, reject) => {
        this.asked.push({ tenantId, answer: resolve, fail: () => reject(new Error('no answer')) });
      });
    this.gates = new TenantAdmission(statusOf, this);
  }

  tenantsInUse(): Set<string> {
    return this.inUse;
  }

  rejectWaiting(tenantId: string): void {
    this.told.push(`refuse ${tenantId}`);
  }

  revoke(tenantId: string): void {
    this.told.push(`take away ${tenantId}`);
  }

  /** The tenant is known to be served. */
  async open(tenantId: string): Promise<void> {
    const entering = this.gates.enter(tenantId);
    this.asked.pop()!.answer();
    await entering;
    await settled();
    expect(this.gates.enter(tenantId)).toBeUndefined();
  }
}

/** Promises that are settled have been heard of. */
async function settled(): Promise<void> {
  await jest.advanceTimersByTimeAsync(0);
}

let court: Court;

beforeEach(() => {
  jest.useFakeTimers();
  court = new Court();
});

afterEach(() => {
  court.gates.close();
  jest.useRealTimers();
});

it('a tenant that comes for the first time waits for the verdict, together with whoever comes meanwhile', async () => {
  const entering = [court.gates.enter('acme'), court.gates.enter('acme')];
  expect(court.asked).toHaveLength(1);
  court.asked[0]!.answer(refused);
  for (const entry of entering) await expect(entry).rejects.toThrow('refused');
});

it('one that is served goes on without a question until it changes', async () => {
  await court.open('acme');
  court.gates.markStale('umbrella');
  await settled();
  expect(court.gates.enter('acme')).toBeUndefined();
  expect(court.asked).toHaveLength(0);
});

it('a change of a tenant that has nothing under way asks nothing; what comes next waits for the verdict', async () => {
  await court.open('acme');
  court.gates.markStale('acme');
  await settled();
  expect(court.asked).toHaveLength(0);
  const entering = court.gates.enter('acme');
  court.asked[0]!.answer(refused);
  await expect(entering).rejects.toThrow('refused');
});

it('ten thousand changes at once ask once for each tenant that has something under way', async () => {
  court.inUse.add('acme').add('umbrella');
  for (let n = 0; n < 10_000; n += 1) court.gates.markStale(n % 2 ? `tenant ${n}` : 'acme');
  await settled();
  expect(court.asked.map(({ tenantId }) => tenantId)).toEqual(['acme']);
});

describe('a verdict of no', () => {
  it('turns away who waits at once, and takes away what is held half a second after the change was heard', async () => {
    court.inUse.add('acme');
    court.gates.markStale('acme');
    await jest.advanceTimersByTimeAsync(200);
    court.asked[0]!.answer(refused);
    await settled();
    expect(court.told).toEqual(['refuse acme']);
    await jest.advanceTimersByTimeAsync(200);
    expect(court.told).toEqual(['refuse acme']);
    await jest.advanceTimersByTimeAsync(101);
    expect(court.told).toEqual(['refuse acme', 'take away acme']);
  });

  it('that is taken back in time takes nothing away', async () => {
    court.inUse.add('acme');
    court.gates.markStale('acme');
    await settled();
    court.asked[0]!.answer(refused);
    await jest.advanceTimersByTimeAsync(400);
    court.gates.markStale('acme');
    await settled();
    court.asked[1]!.answer();
    await jest.advanceTimersByTimeAsync(10_000);
    expect(court.told).toEqual(['refuse acme']);
    expect(court.gates.enter('acme')).toBeUndefined();
  });

  it('that is long in coming keeps nobody waiting; what was let through meanwhile is taken away', async () => {
    await court.open('acme');
    court.gates.markStale('acme');
    const entering = court.gates.enter('acme');
    await jest.advanceTimersByTimeAsync(250);
    await expect(entering).resolves.toBeUndefined();
    await expect(court.gates.enter('acme')).resolves.toBeUndefined(); // and the next one does not wait again
    await jest.advanceTimersByTimeAsync(5_000);
    court.asked[0]!.answer(refused);
    await settled();
    await jest.advanceTimersByTimeAsync(1);
    expect(court.told).toEqual(['refuse acme', 'take away acme']);
  });
});

it('a verdict that a change overtook is asked for again, and makes nobody sure', async () => {
  const entering = court.gates.enter('acme');
  court.gates.markStale('acme');
  court.asked[0]!.answer();
  await settled();
  expect(court.asked).toHaveLength(2);
  const late = court.gates.enter('acme');
  court.asked[1]!.answer(refused);
  await expect(entering).rejects.toThrow('refused');
  await expect(late).rejects.toThrow('refused');
});

describe('when the judge cannot be asked', () => {
  it('who was served still is, without waiting, and it is asked again', async () => {
    await court.open('acme');
    court.inUse.add('acme');
    court.gates.markStale('acme');
    await settled();
    court.asked[0]!.fail();
    await settled();
    expect(court.gates.enter('acme')).toBeUndefined();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(court.asked).toHaveLength(2);
    court.asked[1]!.answer(refused);
    await settled();
    expect(() => court.gates.enter('acme')).toThrow('refused');
  });

  it('who was refused still is', async () => {
    const entering = court.gates.enter('acme');
    court.asked[0]!.answer(refused);
    await expect(entering).rejects.toThrow('refused');
    court.gates.markStale('acme');
    const again = court.gates.enter('acme');
    court.asked[1]!.fail();
    await expect(again).rejects.toThrow('refused');
  });
});

it('while changes go unheard, a verdict is looked at again behind the back of whoever comes', async () => {
  await court.open('acme');
  court.gates.feedLost();
  expect(court.gates.enter('acme')).toBeUndefined();
  expect(court.asked).toHaveLength(0);
  await jest.advanceTimersByTimeAsync(251);
  expect(court.gates.enter('acme')).toBeUndefined();
  court.asked[0]!.answer(refused);
  await settled();
  expect(() => court.gates.enter('acme')).toThrow('refused');
});

it('when changes are heard again, everybody with something under way is asked about at once', async () => {
  await court.open('acme');
  await court.open('umbrella');
  court.inUse.add('acme');
  court.gates.feedLost();
  court.gates.feedRestored();
  await settled();
  expect(court.asked.map(({ tenantId }) => tenantId)).toEqual(['acme']);
  expect(court.gates.enter('umbrella')).toBeInstanceOf(Promise);
});

it('no more than ten thousand tenants are remembered, and who was forgotten is asked about again', async () => {
  for (let n = 0; n <= 10_000; n += 1) await court.open(`tenant ${n}`);
  expect(court.gates.enter('tenant 10000')).toBeUndefined();
  expect(court.gates.enter('tenant 0')).toBeInstanceOf(Promise);
});

it('pools without an admission of their own serve every tenant', () => {
  expect(ADMIT_ALL.enter('anybody')).toBeUndefined();
  expect(ADMIT_ALL.isOpen('anybody')).toBe(true);
});
