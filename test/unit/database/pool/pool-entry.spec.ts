import { expect, it } from '@jest/globals';
import type { PhysicalConnection } from '../../../../src/database/connection/physical-connection.js';
import { PoolEntry } from '../../../../src/database/pool/pool-entry.js';

const CONNECTION = {} as PhysicalConnection;

/** An entry that is in use all the time: known to be alive just before each question. */
function isTrustedInUse(entry: PoolEntry, now: number): boolean {
  entry.lastAliveAt = now - 1;
  return entry.isTrusted(now);
}

it('a connection that was idle for a second is validated before its next use', () => {
  const entry = new PoolEntry(CONNECTION, 0);
  expect(entry.isTrusted(999)).toBe(true);
  expect(entry.isTrusted(1_000)).toBe(false);
});

it('a connection that has reached its maximum age is not used again', () => {
  const entry = new PoolEntry(CONNECTION, 0, 5_000);
  expect(isTrustedInUse(entry, 4_999)).toBe(true);
  expect(isTrustedInUse(entry, 5_000)).toBe(false);
});

it('a server behind a pooler is asked every two seconds whether it accepts writes, however busy the connection is', () => {
  const entry = new PoolEntry(CONNECTION, 0, Infinity, true);
  expect(isTrustedInUse(entry, 1_999)).toBe(true);
  expect(isTrustedInUse(entry, 2_000)).toBe(false);
  entry.markChecked(2_000);
  expect(isTrustedInUse(entry, 3_999)).toBe(true);
  expect(isTrustedInUse(entry, 4_000)).toBe(false);
});

it('a busy connection without a pooler in between is never asked: its server reports a change', () => {
  expect(isTrustedInUse(new PoolEntry(CONNECTION, 0), 1_000_000)).toBe(true);
});
