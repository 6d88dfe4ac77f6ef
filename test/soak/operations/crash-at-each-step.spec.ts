import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  crashEverywhere,
  deleteCase,
  migrateCase,
  provisionCase,
  provisionTenantsCase,
  resealCase,
  rotateCase,
} from '../../contracts/operation-crashes.js';
import { Operators } from '../../support/operations/operators.js';

const LONGEST_MS = 5 * 60_000;

let operators: Operators;

beforeAll(async () => {
  operators = await Operators.start();
});

afterAll(async () => operators.close());

// A kill at the beginning of each step, when the step before it is done and not recorded, and one at the end of all.
describe.each(['row', 'schema', 'database'] as const)('an operation whose process is killed (%s)', (isolation) => {
  it(
    'still creates the tenant',
    async () => expect(await crashEverywhere(operators, () => provisionCase(isolation))).toBe(7),
    LONGEST_MS,
  );

  it(
    'still deletes the tenant',
    async () => expect(await crashEverywhere(operators, () => deleteCase(operators, isolation))).toBe(5),
    LONGEST_MS,
  );
});

describe('an operation whose process is killed', () => {
  it(
    'still creates many tenants',
    async () => expect(await crashEverywhere(operators, provisionTenantsCase)).toBe(4),
    LONGEST_MS,
  );

  it(
    "still rotates a target's login role",
    async () => expect(await crashEverywhere(operators, () => rotateCase(operators))).toBe(6),
    LONGEST_MS,
  );

  it(
    'still re-encrypts the catalog',
    async () => expect(await crashEverywhere(operators, resealCase)).toBe(3),
    LONGEST_MS,
  );

  it(
    'still migrates the fleet',
    async () => expect(await crashEverywhere(operators, () => migrateCase(operators))).toBeGreaterThan(1),
    LONGEST_MS,
  );
});
