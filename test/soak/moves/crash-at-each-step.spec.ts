import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { moveBackCase, moveCase, moveFinishCase } from '../../contracts/move-crashes.js';
import { crashEverywhere } from '../../contracts/operation-crashes.js';
import { Operators } from '../../support/operations/operators.js';

const LONGEST_MS = 10 * 60_000;

let operators: Operators;

beforeAll(async () => {
  operators = await Operators.start();
});
afterAll(async () => operators.close());

// A kill at the beginning of each step, when the step before it is done and not recorded, and one at the end of all.
describe.each([
  ['row', 'schema'],
  ['schema', 'database'],
  ['database', 'row'],
] as const)('an operation whose process is killed (%s to %s)', (from, to) => {
  it(
    'still moves the tenant',
    async () => expect(await crashEverywhere(operators, () => moveCase(operators, from, to))).toBe(7),
    LONGEST_MS,
  );

  it(
    'still takes the move back',
    async () => expect(await crashEverywhere(operators, () => moveBackCase(operators, from, to))).toBe(5),
    LONGEST_MS,
  );

  it(
    'still finishes the move',
    async () => expect(await crashEverywhere(operators, () => moveFinishCase(operators, from, to))).toBe(5),
    LONGEST_MS,
  );
});
