import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ADMIT_ALL, type Admission } from '../../../../src/database/pool/connection-pool.js';
import { TenantAdmission } from '../../../../src/tenant/admission/tenant-admission.js';
import { type CatalogEvent, CatalogEvents } from '../../../../src/catalog/feed/catalog-events.js';
import type { Tenant } from '../../../../src/catalog/model/tenant.js';
import type { ConnectionPools } from '../../../../src/database/pool/connection-pools.js';
import { TenantSuspendedError, TenantTablesBehindError } from '../../../../src/tenant/admission/admission.errors.js';

const suspended = { status: 'suspended' } as Tenant;
const active = { status: 'active' } as Tenant;

type Connections = Pick<ConnectionPools, 'admission' | 'tenantsInUse' | 'rejectWaiting' | 'revoke'>;

/** An admission whose status checks end when the test says, and which records what it does to connections. */
class AdmissionRig implements Connections {
  readonly checks: { tenantId: string; answer(tenant?: Tenant | null): void; fail(): void }[] = [];
  readonly inUse = new Set<string>();
  readonly reported: string[] = [];
  readonly events = new CatalogEvents();
  isSetKnown = false;
  admission: Admission;

  constructor() {
    const byId = (tenantId: string): Promise<Tenant | null> =>
      new Promise((resolve, reject) => {
        const answer = (tenant: Tenant | null = active): void => resolve(tenant);
        this.checks.push({ tenantId, answer, fail: () => reject(new Error('no answer')) });
      });
    const rejectionOf = ({
      status,
      migrationSet,
    }: Tenant): TenantSuspendedError | TenantTablesBehindError | undefined => {
      if (status === 'suspended') return new TenantSuspendedError();
      return migrationSet === 'behind' && this.isSetKnown ? new TenantTablesBehindError() : undefined;
    };
    const learnSet = async (): Promise<void> => void (this.isSetKnown = true);
    this.admission = new TenantAdmission(this, { byId }, { learnSet, rejectionOf }, this.events);
    this.deliver({ kind: 'restored', since: { history: 'a', sequence: 1 } });
  }

  deliver(event: CatalogEvent): void {
    this.events.deliver(event);
  }

  /** Announces a change of the tenant. */
  change(tenantId: string): void {
    this.deliver({ kind: 'change', tenantId, version: 2, slugs: [], keyIds: [], domains: [] });
  }

  tenantsInUse(): Set<string> {
    return this.inUse;
  }

  rejectWaiting(tenantId: string): void {
    this.reported.push(`reject ${tenantId}`);
  }

  revoke(tenantId: string): void {
    this.reported.push(`revoke ${tenantId}`);
  }

  /** Makes the tenant known as served. */
  async open(tenantId: string): Promise<void> {
    const entering = this.admission.enter(tenantId);
    this.checks.pop()!.answer();
    await entering;
    await settled();
    expect(this.admission.enter(tenantId)).toBeUndefined();
  }
}

/** Runs the callbacks of settled promises. */
async function settled(): Promise<void> {
  await jest.advanceTimersByTimeAsync(0);
}

let rig: AdmissionRig;

beforeEach(() => {
  jest.useFakeTimers();
  rig = new AdmissionRig();
});

afterEach(() => {
  rig.admission.close();
  jest.useRealTimers();
});

it('the first callers of a tenant share one status check, and wait for it', async () => {
  const entering = [rig.admission.enter('acme'), rig.admission.enter('acme')];
  expect(rig.checks).toHaveLength(1);
  rig.checks[0]!.answer(suspended);
  for (const entry of entering) await expect(entry).rejects.toThrow('suspended');
});

it('a served tenant needs no further status check until it changes', async () => {
  await rig.open('acme');
  rig.change('umbrella');
  await settled();
  expect(rig.admission.enter('acme')).toBeUndefined();
  expect(rig.checks).toHaveLength(0);
});

it('a changed tenant without connections in use is checked when its next caller arrives, who waits for the result', async () => {
  await rig.open('acme');
  rig.change('acme');
  await settled();
  expect(rig.checks).toHaveLength(0);
  const entering = rig.admission.enter('acme');
  rig.checks[0]!.answer(suspended);
  await expect(entering).rejects.toThrow('suspended');
});

it('ten thousand simultaneous changes start one check per tenant with connections in use', async () => {
  rig.inUse.add('acme').add('umbrella');
  for (let n = 0; n < 10_000; n += 1) rig.change(n % 2 ? `tenant ${n}` : 'acme');
  await settled();
  expect(rig.checks.map(({ tenantId }) => tenantId)).toEqual(['acme']);
});

it('a tenant is checked against its set of migrations also where that is read only then', async () => {
  const entering = rig.admission.enter('acme');
  rig.checks.pop()!.answer({ status: 'active', migrationSet: 'behind' } as Tenant);
  await expect(entering).rejects.toBeInstanceOf(TenantTablesBehindError);
});

describe('a check that rejects a tenant', () => {
  it('rejects waiting callers at once, and revokes connections half a second after the change was announced', async () => {
    rig.inUse.add('acme');
    rig.change('acme');
    await jest.advanceTimersByTimeAsync(200);
    rig.checks[0]!.answer(suspended);
    await settled();
    expect(rig.reported).toEqual(['reject acme']);
    await jest.advanceTimersByTimeAsync(200);
    expect(rig.reported).toEqual(['reject acme']);
    await jest.advanceTimersByTimeAsync(101);
    expect(rig.reported).toEqual(['reject acme', 'revoke acme']);
  });

  it('revokes nothing when a later check accepts the tenant in time', async () => {
    rig.inUse.add('acme');
    rig.change('acme');
    await settled();
    rig.checks[0]!.answer(suspended);
    await jest.advanceTimersByTimeAsync(400);
    rig.change('acme');
    await settled();
    rig.checks[1]!.answer();
    await jest.advanceTimersByTimeAsync(10_000);
    expect(rig.reported).toEqual(['reject acme']);
    expect(rig.admission.enter('acme')).toBeUndefined();
  });

  it('does not delay callers when it is slow, and then revokes the connections they were given', async () => {
    await rig.open('acme');
    rig.change('acme');
    const entering = rig.admission.enter('acme');
    await jest.advanceTimersByTimeAsync(250);
    await expect(entering).resolves.toBeUndefined();
    await expect(rig.admission.enter('acme')).resolves.toBeUndefined(); // and the next one does not wait again
    await jest.advanceTimersByTimeAsync(5_000);
    rig.checks[0]!.answer(suspended);
    await settled();
    await jest.advanceTimersByTimeAsync(1);
    expect(rig.reported).toEqual(['reject acme', 'revoke acme']);
  });
});

it('a check that a change overtook is repeated, and its result is ignored', async () => {
  const entering = rig.admission.enter('acme');
  rig.change('acme');
  rig.checks[0]!.answer();
  await settled();
  expect(rig.checks).toHaveLength(2);
  const late = rig.admission.enter('acme');
  rig.checks[1]!.answer(suspended);
  await expect(entering).rejects.toThrow('suspended');
  await expect(late).rejects.toThrow('suspended');
});

describe('a status check that fails', () => {
  it('leaves a served tenant served, without delay, and is repeated', async () => {
    await rig.open('acme');
    rig.inUse.add('acme');
    rig.change('acme');
    await settled();
    rig.checks[0]!.fail();
    await settled();
    expect(rig.admission.enter('acme')).toBeUndefined();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(rig.checks).toHaveLength(2);
    rig.checks[1]!.answer(suspended);
    await settled();
    expect(() => rig.admission.enter('acme')).toThrow('suspended');
  });

  it('leaves a rejected tenant rejected', async () => {
    const entering = rig.admission.enter('acme');
    rig.checks[0]!.answer(suspended);
    await expect(entering).rejects.toThrow('suspended');
    rig.change('acme');
    const again = rig.admission.enter('acme');
    rig.checks[1]!.fail();
    await expect(again).rejects.toThrow('suspended');
  });
});

it('while the change feed is lost, old results are checked again in the background', async () => {
  await rig.open('acme');
  rig.deliver({ kind: 'lost' });
  expect(rig.admission.enter('acme')).toBeUndefined();
  expect(rig.checks).toHaveLength(0);
  await jest.advanceTimersByTimeAsync(251);
  expect(rig.admission.enter('acme')).toBeUndefined();
  rig.checks[0]!.answer(suspended);
  await settled();
  expect(() => rig.admission.enter('acme')).toThrow('suspended');
});

it('when the change feed is restored, every tenant with connections in use is checked at once', async () => {
  await rig.open('acme');
  await rig.open('umbrella');
  rig.inUse.add('acme');
  rig.deliver({ kind: 'lost' });
  rig.deliver({ kind: 'restored', since: { history: 'a', sequence: 2 } });
  await settled();
  expect(rig.checks.map(({ tenantId }) => tenantId)).toEqual(['acme']);
  expect(rig.admission.enter('umbrella')).toBeInstanceOf(Promise);
});

it('at most ten thousand tenants are remembered, and a forgotten one is checked again', async () => {
  for (let n = 0; n <= 10_000; n += 1) {
    const entering = rig.admission.enter(`tenant ${n}`);
    rig.checks.pop()!.answer();
    await entering;
  }
  await settled();
  expect(rig.admission.enter('tenant 10000')).toBeUndefined();
  expect(rig.admission.enter('tenant 0')).toBeInstanceOf(Promise);
});

it('a pool without an admission of its own serves every tenant', () => {
  expect(ADMIT_ALL.enter('any tenant')).toBeUndefined();
  expect(ADMIT_ALL.isOpen('any tenant')).toBe(true);
});
