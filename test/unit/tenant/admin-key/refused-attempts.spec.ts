import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { EntityManager } from 'typeorm';
import type { AuditEntry } from '../../../../src/catalog/audit/audit-log.js';
import { RefusedAttempts } from '../../../../src/tenant/admin-key/refused-attempts.js';

describe('the audit entries of refused attempts', () => {
  let entries: AuditEntry[];
  let attempts: RefusedAttempts;

  beforeEach(() => {
    jest.useFakeTimers();
    entries = [];
    const record = async (_catalog: EntityManager, entry: AuditEntry): Promise<void> => void entries.push(entry);
    attempts = new RefusedAttempts({ manager: {} as EntityManager }, { record });
  });

  afterEach(() => void jest.useRealTimers());

  /** @param series the attempt that makes it one */
  function attack(times: number, series?: number, address = '192.0.2.1'): void {
    for (let n = 1; n <= times; n += 1) attempts.record({ address, requestId: `request ${n}` }, n === series);
  }

  const written = () => entries.map(({ actor, refusedAttempts }) => [actor.address, actor.requestId, refusedAttempts]);

  it('are one per address and minute', async () => {
    attack(1000);
    expect(written()).toEqual([]);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(written()).toEqual([['192.0.2.1', 'request 1000', 1000]]);
    attack(1);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(written().slice(1)).toEqual([['192.0.2.1', 'request 1', 1]]);
  });

  it('are one more when the attempts become a series, at once and once per minute', async () => {
    attack(1000, 10);
    attack(10, 5);
    expect(written()).toEqual([['192.0.2.1', 'request 10', 10]]);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(written().slice(1)).toEqual([['192.0.2.1', 'request 10', 1000]]);
  });

  it('count the attempts of more than 100 addresses together', async () => {
    for (let n = 0; n < 5_000; n += 1) attack(4, 2, `10.0.${n >> 8}.${n & 255}`);
    await attempts.writeAll();
    expect(entries.length).toBe(202);
    expect(entries.reduce((sum, { refusedAttempts }) => sum + (refusedAttempts ?? 0), 0)).toBe(20_000);
  });
});
