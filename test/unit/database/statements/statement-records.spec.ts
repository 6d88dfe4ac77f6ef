import { expect, it } from '@jest/globals';
import { StatementRecord } from '../../../../src/database/statements/statement-records.js';

function recordOf(...executions: readonly (readonly [ms: number, isCold: boolean])[]): StatementRecord {
  const record = new StatementRecord('SELECT 1');
  for (const [ms, isCold] of executions) record.recordDuration(ms, isCold);
  return record;
}

it('a read counts as quick after three quick executions, and no longer after a slow one', () => {
  expect(recordOf([1, false], [1, false]).isQuickRead).toBe(false);
  expect(recordOf([1, false], [1, false], [1, false]).isQuickRead).toBe(true);
  expect(recordOf([1, false], [1, false], [1, false], [200, false]).isQuickRead).toBe(false);
});

it('a slow execution on a new connection is ignored, a quick one counts', () => {
  expect(recordOf([50, true], [50, true], [50, true]).isQuickRead).toBe(false); // not known yet
  expect(recordOf([50, true], [50, true], [1, false], [1, false], [1, false]).isQuickRead).toBe(true);
  expect(recordOf([5, true], [5, true], [5, true]).isQuickRead).toBe(true);
});
