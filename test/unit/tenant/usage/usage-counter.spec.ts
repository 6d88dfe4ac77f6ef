import { describe, expect, it } from '@jest/globals';
import { newUsage } from '../../../../src/database/statements/usage.js';
import { countRun } from '../../../../src/tenant/usage/count-run.js';
import { UsageCounter } from '../../../../src/tenant/usage/usage-counter.js';

const ANSWERED = { kind: 'requests', failed: false, durationMs: 2 } as const;

describe('the usage counter', () => {
  it('adds up per tenant, and begins again when it was taken', () => {
    const counter = new UsageCounter({ features: { usage: true } });
    counter.record('a', ANSWERED, { ...newUsage(), statements: 2, databaseMs: 1.5 });
    counter.record('a', { ...ANSWERED, failed: true }, { ...newUsage(), rowsWritten: 3 });
    counter.record('b', ANSWERED, newUsage());
    const taken = counter.take();
    expect(taken.get('a')).toMatchObject({
      ...{ requests: 2, errors: 1, durationMs: 4, statements: 2, databaseMs: 1.5, rowsWritten: 3 },
    });
    expect(taken.get('b')).toMatchObject({ requests: 1, errors: 0 });
    expect(counter.take().size).toBe(0);
  });

  it('counts nothing where that is turned off', () => {
    const counter = new UsageCounter({ features: { usage: false } });
    counter.record('a', ANSWERED, newUsage());
    expect(counter.tenants).toBe(0);
  });

  it('has a bounded number of tenants, and says what it has left out', () => {
    const counter = new UsageCounter({ features: { usage: true } });
    for (let tenant = 0; tenant < 100_003; tenant++) counter.record(String(tenant), ANSWERED, newUsage());
    expect(counter.tenants).toBe(100_000);
    expect(counter.takeOmitted()).toBe(3);
    expect(counter.takeOmitted()).toBe(0);
  });

  it('counts a run that fails, with what it has used', async () => {
    const counter = new UsageCounter({ features: { usage: true } });
    const failing = countRun(counter, 'a', async (usage) => {
      usage.statements += 1;
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(counter.take().get('a')).toMatchObject({ runs: 1, errors: 1, requests: 0, statements: 1 });
  });
});
