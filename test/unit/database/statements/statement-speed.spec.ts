import { expect, it } from '@jest/globals';
import { StatementRecord, StatementSpeed } from '../../../../src/database/statements/statement-records.js';

type Execution = readonly [ms: number, isCold: boolean];

function afterwards(...executions: readonly Execution[]): StatementSpeed {
  const speed = new StatementSpeed();
  for (const [ms, isCold] of executions) speed.record(ms, isCold);
  return speed;
}

function executions(count: number): Execution[] {
  return Array.from({ length: count }, () => [1, false]);
}

it('a statement counts as quick after three quick executions, and no longer after a slow one', () => {
  expect(afterwards(...executions(2)).isQuick).toBe(false);
  expect(afterwards(...executions(3)).isQuick).toBe(true);
  expect(afterwards(...executions(3), [200, false]).isQuick).toBe(false);
});

it('a slow execution on a new connection is ignored, a quick one counts', () => {
  expect(afterwards([50, true], [50, true], [50, true]).isQuick).toBe(false); // not known yet
  expect(afterwards([50, true], [50, true], ...executions(3)).isQuick).toBe(true);
  expect(afterwards([5, true], [5, true], [5, true]).isQuick).toBe(true);
});

it('one that holds up others is no longer quick, until it has been for a while', () => {
  const speed = afterwards(...executions(50));
  speed.markSlow();
  expect(speed.isQuick).toBe(false);
  speed.record(1, false);
  expect(speed.isQuick).toBe(false);
  for (const [ms, isCold] of executions(10)) speed.record(ms, isCold);
  expect(speed.isQuick).toBe(true);
});

it('a text that is quick in one place is not for that reason quick in another one', () => {
  const record = new StatementRecord('SELECT 1');
  for (const [ms, isCold] of executions(3)) record.speedAt('server/database "one"').record(ms, isCold);
  expect(record.speedAt('server/database "one"').isQuick).toBe(true);
  expect(record.speedAt('server/database "two"').isQuick).toBe(false);
});
